"""The addresses of Moodle and of Canvas, so that an administrator need not copy them one by one."""

from typing import Any

from serving.lti.platforms.platforms import origin


def moodle(url: str) -> dict[str, Any]:
    """`url`: the address of the site. Checked in Moodle 4.3, mod/lti."""
    site = url.rstrip("/")
    scripts = {"authorization_url": "auth", "token_url": "token", "keys_url": "certs"}
    return {"issuer": site, **{field: f"{site}/mod/lti/{name}.php" for field, name in scripts.items()}}


def canvas(url: str) -> dict[str, Any]:
    """`url`: the address of the school's Canvas at Instructure. All schools share the issuer and the key set, and a
    launch is from another host than its frame. A `*.test` or `*.beta` host has an issuer of its own."""
    host = (origin(url) or "").removeprefix("https://")
    kind = next((f".{kind}" for kind in ("test", "beta") if host.endswith(f".{kind}.instructure.com")), "")
    single_sign_on = f"https://sso{kind}.canvaslms.com"
    return {
        "issuer": f"https://canvas{kind}.instructure.com",
        "authorization_url": f"{single_sign_on}/api/lti/authorize_redirect",
        "token_url": f"{single_sign_on}/login/oauth2/token",
        "keys_url": f"{single_sign_on}/api/lti/security/jwks",
        "frame_origins": (f"https://{host}",),
    }
