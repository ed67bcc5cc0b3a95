"""The contract of `pipeline.people`: users, sessions and tickets, on both databases."""

from threading import Barrier, Thread

import pytest

from pipeline.errors import BadSignature, Conflict, Forbidden, NotFound, Refused, TooMany
from pipeline.secret import Secret
from pipeline.user import FREE, LOCAL, Person
from runners.store import Store

PASSWORD = Secret("correct horse battery staple")


@pytest.fixture
def ada(books: Store) -> str:
    books.users.create("ada", "deployer", ("shop",), PASSWORD)
    return "ada"


def test_a_user_is_proved_by_the_password_alone(books: Store, ada: str):
    user = books.users.prove(ada, PASSWORD, "10.0.0.1")

    assert (user.name, user.role, user.scopes, user.origin) == ("ada", "deployer", ("shop",), LOCAL)
    with pytest.raises(BadSignature):
        books.users.prove(ada, Secret("correct horse battery stable"), "10.0.0.1")
    with pytest.raises(BadSignature):
        books.users.prove("eve", PASSWORD, "10.0.0.1")


def test_a_name_is_given_once(books: Store, ada: str):
    with pytest.raises(Conflict):
        books.users.create(ada, "admin", (), PASSWORD)


@pytest.mark.parametrize("name", ["", "a b", "-x", "<script>", "x" * 101])
def test_a_name_is_harmless(books: Store, name: str):
    with pytest.raises(Refused):
        books.users.create(name, "viewer", (), PASSWORD)


def test_a_new_password_ends_all_sessions(books: Store, ada: str):
    text = books.sessions.open(ada)

    books.users.set_password(ada, Secret("another good sentence"))

    assert books.sessions.session(text) is None
    with pytest.raises(BadSignature):
        books.users.prove(ada, PASSWORD, "")
    assert books.users.prove(ada, Secret("another good sentence"), "").name == ada


def test_a_disabled_user_is_out_until_enabled(books: Store, ada: str):
    text = books.sessions.open(ada)

    books.users.disable(ada)

    assert books.sessions.session(text) is None
    assert books.sessions.session(books.sessions.open(ada)) is None
    with pytest.raises(BadSignature):
        books.users.prove(ada, PASSWORD, "")
    books.users.disable(ada, False)
    assert books.users.prove(ada, PASSWORD, "").name == ada


@pytest.mark.parametrize("change", ["set_password", "disable"])
def test_nobody_cannot_be_changed(books: Store, change: str):
    with pytest.raises(NotFound):
        getattr(books.users, change)("nobody", *((PASSWORD,) if change == "set_password" else ()))


def test_guesses_side_by_side_are_all_counted(books: Store, ada: str):
    start, outcomes = Barrier(16), []

    def guess() -> None:
        start.wait()
        try:
            books.users.prove(ada, Secret("wrong"), "10.0.0.1")
        except (BadSignature, TooMany) as error:
            outcomes.append(type(error))

    threads = [Thread(target=guess) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count(BadSignature) == FREE["both"]
    assert outcomes.count(TooMany) == 16 - FREE["both"]


def test_the_right_password_forgives_the_typing_errors(books: Store, ada: str):
    for _ in range(3):
        for _ in range(FREE["both"] - 1):
            with pytest.raises(BadSignature):
                books.users.prove(ada, Secret("wrong"), "10.0.0.1")
        assert books.users.prove(ada, PASSWORD, "10.0.0.1").name == ada


def test_a_providers_person_keeps_one_account_through_new_names_and_roles(books: Store):
    books.users.welcome(Person("7", "mia"), "gitlab", "viewer")
    user = books.users.welcome(Person("7", "maria"), "gitlab", "admin")

    assert (user.name, user.role, user.origin) == ("maria", "admin", "gitlab")
    assert [one.name for one in books.users.users()] == ["maria"]


def test_a_providers_person_does_not_become_somebody_else(books: Store, ada: str):
    with pytest.raises(Conflict):
        books.users.welcome(Person("7", ada), "gitlab", "admin")
    books.users.welcome(Person("7", "mia"), "gitlab", "viewer")
    with pytest.raises(Conflict):
        books.users.welcome(Person("8", "mia"), "gitlab", "admin")
    with pytest.raises(BadSignature):
        books.users.prove("mia", Secret(""), "")
    with pytest.raises(NotFound):
        books.users.set_password("mia", PASSWORD)


def test_a_providers_person_who_was_disabled_stays_out(books: Store):
    books.users.welcome(Person("7", "mia"), "gitlab", "viewer")
    books.users.disable("mia")

    with pytest.raises(Forbidden):
        books.users.welcome(Person("7", "mia"), "gitlab", "viewer")


def test_a_session_is_known_by_its_text_until_it_is_closed(books: Store, ada: str):
    text, other = books.sessions.open(ada), books.sessions.open(ada)

    found = books.sessions.session(text)

    assert found is not None
    assert (found.user.name, found.user.scopes) == (ada, ("shop",))
    assert found.form_token != text
    assert found.form_token != books.sessions.session(other).form_token
    books.sessions.close(text)
    assert books.sessions.session(text) is None
    assert books.sessions.session("x") is None
    assert books.sessions.session(other) is not None


def test_a_ticket_is_good_once_for_what_it_was_made(books: Store):
    text = books.sessions.issue("gitlab", {"nonce": "n"}, 60)

    assert books.sessions.redeem("first-user", text) is None
    assert books.sessions.note("gitlab", text) == {"nonce": "n"}
    assert books.sessions.redeem("gitlab", text) == {"nonce": "n"}
    assert books.sessions.redeem("gitlab", text) is None
    assert books.sessions.note("gitlab", text) is None


def test_a_ticket_expires(books: Store):
    text = books.sessions.issue("gitlab", {}, -1)

    assert books.sessions.note("gitlab", text) is None
    assert books.sessions.redeem("gitlab", text) is None
