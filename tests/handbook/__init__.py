"""Pages and pictures of docs/ that are made from the code. `python -m tests.handbook` writes them; a test compares them."""
