"""The keys of `server.sign_in`: whom other places vouch for."""

from typing import Literal

from pydantic import Field

from pipeline import units
from pipeline.settings_rollout import Keys
from pipeline.settings_values import SecretText
from pipeline.units import Word

Role = Literal["viewer", "deployer", "admin"]


class GitLabSignInKeys(Keys):
    url: units.HttpUrl = Field(description="GitLab's address.")
    client_id: Word = Field(min_length=1, description="Application ID of an application there.")
    client_secret: SecretText = Field(description="Its secret. Empty: nobody is offered to sign in so.")
    allow: dict[Word, Role] = Field(
        min_length=1, description="Full path of a group: the role of its members. Nobody else comes in."
    )


class SignInKeys(Keys):
    gitlab: GitLabSignInKeys | None = Field(
        default=None, description="People sign in with their GitLab account. Absent: local users only."
    )
