"""Every key under `registry` of `shipway.yml`, like `settings_keys`."""

from typing import Literal

from pydantic import Field, SecretStr

from pipeline import settings_values as values
from pipeline.settings_rollout import Keys
from pipeline.settings_values import SecretText
from pipeline.units import Word


class AuthKeys(Keys):
    kind: Literal["none", "basic", "docker", "ecr", "acr"] = Field(
        default="none",
        description="basic: user name and password. docker: what `docker login` left. ecr and acr: short-lived logins from "
        "the cloud's API, renewed by themselves.",
    )
    username: Word = Field(default="", description="User name, or access key id for `ecr` and `acr`.")
    password: SecretText = Field(default=SecretStr(""), description="Password, or access key secret.")
    file: Word = Field(default="", description="For `docker`: its config.json. Empty: ~/.docker/config.json.")
    region: Word = Field(default="", description="For `ecr` and `acr`, when the address does not tell.")
    instance: Word = Field(
        default="", description="For `acr`: cri-… of the Enterprise Edition; else found by name."
    )
    endpoint: Word = Field(
        default="", description="For `ecr` and `acr`: overrides the address of the cloud's API."
    )


class RegistryKeys(Keys):
    address: values.RegistryAddress = Field(
        default="127.0.0.1:5000", min_length=1, description="Registry host and port."
    )
    namespace: values.Namespace = Field(
        default="", description="Prefix of the image names, often the organisation."
    )
    insecure: bool = Field(default=False, description="Plain HTTP. Only for a registry on a private network.")
    auth: AuthKeys = Field(default=AuthKeys(), description="How to log in.")
