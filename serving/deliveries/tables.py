"""The table of delivery jobs, in the store's database. Students appear by pseudonym only."""

from sqlalchemy import JSON, Column, Integer, String, Table

from serving.store.tables import metadata, optional, required

# `options`: see `JobOptions`. `confirmed`: pseudonym -> revision of the record that a person saw. `failure`: the code
# of what ended the job before its students. `outcomes`: see `JobOutcome`.
delivery_jobs = Table(
    "delivery_jobs",
    metadata,
    Column("id", String, primary_key=True),
    *required("at", "actor", "course", "lab", "platform", "address"),
    *required("options", "confirmed", kind=JSON),
    *required("total", "done", kind=Integer),
    *optional("finished_at", "failure"),
    Column("outcomes", JSON, nullable=False),
)
