"""Plain registries: anonymous, or a user name and a password that stay as they are. Never fetches a token."""

from pipeline.errors import BadConfig
from pipeline.fleet.host import RegistryAccess


class Anonymous:
    def credentials(self, access: RegistryAccess) -> tuple[str, str]:
        return "", ""


class Basic:
    def credentials(self, access: RegistryAccess) -> tuple[str, str]:
        if not access.username or not access.password:
            raise BadConfig(f"registry.auth of {access.address}: kind basic needs a username and a password.")
        return access.username, access.password.reveal()
