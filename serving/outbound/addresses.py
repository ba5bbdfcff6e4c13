"""Which IP addresses a request may go to (server-side request forgery)."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def _networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(map(ip_network, texts))


# Python's `is_global` is true for each of these, although none of them is a host of the public Internet or, for those
# that embed an IPv4 address, it may be a private one. IANA special-purpose registries, 2026.
REFUSED = _networks(
    "192.88.99.0/24",  # 6to4 relays, deprecated
    "168.63.129.16/32",  # Azure's host, which answers with credentials
    "100.100.100.200/32",  # Alibaba Cloud's metadata
    "::/96",  # IPv4-compatible, deprecated
    "64:ff9b::/96",  # NAT64
    "64:ff9b:1::/48",  # NAT64, local
    "100::/64",  # discard
    "2001::/23",  # IETF protocols; contains Teredo
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4
    "3fff::/20",  # documentation
    "5f00::/16",  # segment routing
    "fc00::/7",  # unique local; contains AWS's metadata address
    "fe80::/10",  # link-local
    "fec0::/10",  # site-local, deprecated
    "ff00::/8",  # multicast
)
# Private networks that a host of the allow-list may be in. Link-local and metadata addresses stay refused.
CAMPUS = _networks(
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128")
)
METADATA = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200")))
"""Cloud metadata services inside the networks of `CAMPUS`."""


def is_address(text: str) -> bool:
    """Whether a host is an address and no name."""
    return _parsed(text) is not None


def is_public(text: str) -> bool:
    """Whether an address, as `getaddrinfo` writes it, is a host of the public Internet."""
    address = _parsed(text)
    if address is None or not address.is_global or address.is_multicast:
        return False
    return not any(address in network for network in REFUSED)


def is_campus(text: str) -> bool:
    """Whether an address is private but permitted for a host of the allow-list."""
    address = _parsed(text)
    return address is not None and address not in METADATA and any(address in network for network in CAMPUS)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An IPv4 address mapped into IPv6 is that IPv4 address. None for an address with a zone (`fe80::1%eth0`)."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address
