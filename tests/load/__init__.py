"""An open-loop HTTP load generator that counts every request in exactly one class and never retries. Standard library only.

    counts.py      what can become of a request, added up
    answer.py      reads one HTTP/1.1 answer from bytes
    generator.py   one epoll loop over many connections
    session.py     starts generators as processes and adds up what they say
    __main__.py    `python3 -m tests.load --help`

Do not replace it by a client that retries: Go's and most others repeat a GET that died on a reused connection, and then a
deployment that loses requests looks like one that does not.
"""
