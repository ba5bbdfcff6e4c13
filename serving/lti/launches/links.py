"""Links to the tool in courses of platforms: their labs, and the services that the last launch of each offered."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select

from labs_schema.hashes import canonical_hash
from serving.lti.launches.claims import Claims
from serving.lti.platforms.courses import Context
from serving.store.database import Database
from serving.store.ledger import audited_transaction
from serving.store.platforms.lti_tables import lti_courses, lti_links
from serving.store.verification.lti_rows import link_version

IDENTITY = ("platform", "deployment", "context", "link")
LAB = "lab"
"""The custom parameter of a link that names its lab."""


class Link(Context):
    """`link` is the platform's id of the link. `line_item`: its column in the gradebook, if it has exactly one.

    `line_items`: the address of the course's columns; `memberships`: that of its people. `scopes`: what the platform
    permits to do with columns and grades.
    """

    link: str
    lab: str | None = None
    line_item: str | None = None
    line_items: str | None = None
    memberships: str | None = None
    scopes: tuple[str, ...] = ()


def link_of(platform: str, claims: Claims) -> Link | None:
    """None for a launch that is not of a link."""
    if claims.link is None:
        return None
    service, names = claims.grades, claims.names
    return Link(
        platform=platform,
        deployment=claims.deployment,
        context=claims.context_id,
        link=claims.link.id,
        lab=claims.custom.get(LAB) or None,
        line_item=service.lineitem if service else None,
        line_items=service.lineitems if service else None,
        memberships=names.context_memberships_url if names else None,
        scopes=tuple(each for each in service.scope if " " not in each) if service else (),
    )


class Links:
    """All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, link: Link) -> None:
        """Stores what a launch stated about its link, if it is new. A service that it does not offer stays known:
        platforms may offer it to teachers only."""
        with self._database.reading() as connection:
            if _known(connection, link) == link:
                return
        with audited_transaction(self._database) as ledger:  # one launch after another
            known = _known(ledger.connection, link)
            values = {**(known.model_dump() if known else {}), **link.model_dump(exclude_defaults=True)}
            values |= {"lab": link.lab, "scopes": " ".join(values.get("scopes", ())), "at": ledger.at}
            ledger.connection.execute(delete(lti_links).where(*_same(link)))
            ledger.connection.execute(insert(lti_links).values(values))
            row = ledger.connection.execute(select(lti_links).where(*_same(link))).one()
            place = canonical_hash([getattr(link, name) for name in IDENTITY])
            ledger.append("lti-link", "lti", {"platform": link.platform, "link": place, "version": link_version(row)})

    def of_lab(self, course: str, lab: str) -> list[Link]:
        """The links to a lab from all connected courses of platforms, the one with the newest launch first."""
        context = [lti_links.c[name] == lti_courses.c[name] for name in Context.model_fields]
        query = select(lti_links).join(lti_courses, context[0] & context[1] & context[2])
        rows = query.where(lti_courses.c.course == course, lti_links.c.lab == lab).order_by(lti_links.c.at.desc())
        with self._database.reading() as connection:
            return [_link(row) for row in connection.execute(rows)]


def _same(link: Link) -> list[ColumnElement[bool]]:
    return [lti_links.c[name] == getattr(link, name) for name in IDENTITY]


def _known(connection: Connection, link: Link) -> Link | None:
    row = connection.execute(select(lti_links).where(*_same(link))).one_or_none()
    return None if row is None else _link(row)


def _link(row: Row[Any]) -> Link:
    values = {name: getattr(row, name) for name in Link.model_fields}
    return Link.model_validate({**values, "scopes": tuple(str(row.scopes).split())})
