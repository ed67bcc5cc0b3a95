import jinja2
import pytest

from runners.render import render


def test_missing_value_is_an_error_not_an_empty_string():
    with pytest.raises(jinja2.UndefinedError):
        render("nginx/nginx.conf.j2", site="front@web-1")
