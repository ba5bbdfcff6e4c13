"""Sending a lab's grades to a platform: the dry run, the confirmation, and the progress of the delivery."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from labs_schema.errors import GraderError, issue_texts
from labs_schema.limits import DeliveryLimits, PageLimits
from serving.api.schemas.problems import ProblemError
from serving.deliveries.configured import LTI, TITLES, Columns, configured_platforms, open_place
from serving.deliveries.delivery_jobs import DeliveryJob, DeliveryJobs, JobOptions, NewJob
from serving.deliveries.differences import NAMES, differences, listed, mapping_text, matching_text
from serving.deliveries.errors import DeliveryError
from serving.deliveries.plan import DeliveryPlan, ReleasePolicy
from serving.deliveries.sending import Sender, Source, is_open
from serving.outbound.client import OutboundClient
from serving.outbound.policy import configured_policy
from serving.store.errors import OtherBodyError, StoreError, UnknownError
from serving.store.platforms.deliveries import Deliveries
from serving.web.form_posts import PageRoute, SentForm, text, wrong_form
from serving.web.rendering import new_request_id, redirect, render
from serving.web.visitors import AdminVisitor, Name, admin, course_service

router = APIRouter(route_class=PageRoute, dependencies=[admin])
FLAGS = ("include_review", "scale", "remap")
JOB = re.compile(r"[\w-]{16,64}")
SHOWN = PageLimits().listed_deliveries


@router.get("/lab/send")
def choose(request: Request, course: Name, lab: Name) -> Response:
    service = course_service(request, course)
    jobs = DeliveryJobs(service.store.database).of_lab(course, lab, DeliveryLimits().listed_jobs)
    given = {"place": jobs[0].platform, "address": jobs[0].address} if jobs else {}
    if given.get("place") == LTI:
        given = {"place": f"{LTI} {given['address']}"}
    context = _context(request, course, lab, given, dict.fromkeys(FLAGS, False)) | {"jobs": jobs}
    return render(request, "send.html", **context)


@router.post("/lab/send")
def plan_or_send(request: Request, caller: AdminVisitor, form: SentForm) -> Response:
    """The dry run, which writes nothing; with `act` confirm, the start of the delivery that it showed."""
    given = {name: text(form, name) for name in ("course", "lab", "place", "address", "request", "confirmed")}
    flags = {name: text(form, name) == "1" for name in FLAGS}
    overwrite = frozenset(str(each) for each in form.getlist("overwrite"))
    if text(form, "act") == "confirm":
        job = _confirm(request, given, flags, overwrite, caller.actor)
        return redirect(request, f"/deliveries/{job.id}")
    context = _plan(request, given, flags, overwrite)
    return render(request, "send.html", 422 if context.get("fault") else 200, **context)


@router.get("/deliveries/{job_id}")
def progress(request: Request, job_id: str) -> Response:
    store = request.app.state.service.store
    job = DeliveryJobs(store.database).read(job_id)
    if request.state.caller.course not in (None, job.course):
        raise UnknownError(f"There is no delivery {job_id[:40]!r}.")
    service = course_service(request, job.course)
    problems = [each for each in job.outcomes if each.code]
    context = {
        "course": service.course.name,
        "job": job,
        "title": TITLES.get(job.platform, job.platform),
        "counts": Counter(each.action for each in job.outcomes),
        "problems": [(each, store.read_student(each.student).student or "forgotten") for each in problems[:SHOWN]],
        "more": max(0, len(problems) - SHOWN),
        "steps": [_fault(code, "") for code in dict.fromkeys(each.code for each in problems)],
        "fault": _fault(job.failure, "") if job.failure else None,
    }
    return render(request, "delivery.html", **context)


def _context(
    request: Request, course: str, lab: str, given: Mapping[str, str], flags: Mapping[str, bool]
) -> dict[str, Any]:
    return {
        "course": course,
        "lab": lab,
        "places": _places(request, course, lab),
        "place": given.get("place", ""),
        "address": given.get("address", ""),
        "flags": flags,
        "plan": None,
        "fault": None,
        "jobs": (),
    }


def _places(request: Request, course: str, lab: str) -> dict[str, str]:
    """Value -> label of every place: a platform whose address is typed, or a column of an LTI platform."""
    places = {name: f"{TITLES[name]} ({url})" for name, url in configured_platforms().items()}
    if (columns := _columns(request)) is not None:
        source = Source(course=course_service(request, course).course.name, lab=lab)
        found = columns.of_lab(source)
        places |= {f"{LTI} {address}": f"{TITLES[LTI]}: {name} ({address})" for address, name in found.items()}
    return places


def _columns(request: Request) -> Columns | None:
    columns: Columns | None = request.app.state.columns
    return columns


def _place(given: Mapping[str, str]) -> tuple[str, str]:
    """Name and address of the platform. A column is chosen with its address."""
    name, _, column = given["place"].partition(" ")
    return name, column or given["address"].strip()


def _plan(
    request: Request, given: Mapping[str, str], flags: Mapping[str, bool], overwrite: frozenset[str]
) -> dict[str, Any]:
    service = course_service(request, given["course"])
    context = _context(request, given["course"], given["lab"], given, flags)
    policy = ReleasePolicy(include_review=flags["include_review"], scale=flags["scale"], overwrite=overwrite)
    source = Source(course=service.course.name, lab=given["lab"])
    try:
        with OutboundClient(configured_policy()) as client:
            platform = open_place(source, *_place(given), client, _columns(request))
            plan = Sender(service.store, platform, actor="dry run").plan(source, policy, remap=flags["remap"])
    except StoreError:
        raise
    except GraderError as error:
        stated = error.platform_text if isinstance(error, DeliveryError) else ""
        kind = str(error.kind) if isinstance(error, DeliveryError) else ""
        return context | {"fault": _fault(error.code, kind) | {"message": str(error), "platform_text": stated}}
    return context | _shown(plan) | {"overwrite": sorted(overwrite)}


def _shown(plan: DeliveryPlan) -> dict[str, Any]:
    to_send = {each.record.pseudonym: each.record.revision for each in plan.students if is_open(each)}
    students = listed(plan)
    return {
        "plan": plan,
        "counts": [(name, plan.count(action)) for action, name in NAMES.items()],
        "rows": [(each, NAMES[each.action], differences(each, plan)) for each in students[:SHOWN]],
        "more": max(0, len(students) - SHOWN),
        "mapping": mapping_text(plan),
        "matching": matching_text(plan),
        "sendable": len(to_send),
        "confirmed": json.dumps(to_send),
        "request_id": new_request_id(),
        "overwrite": [],
    }


def _fault(code: str, kind: str) -> dict[str, str]:
    texts = issue_texts().get(code, {})
    return {"code": code, "kind": kind, "meaning": texts.get("meaning", ""), "hint": texts.get("hint", "")}


def _confirm(
    request: Request, given: Mapping[str, str], flags: Mapping[str, bool], overwrite: frozenset[str], actor: str
) -> DeliveryJob:
    service = course_service(request, given["course"])
    if not JOB.fullmatch(given["request"]) or not (confirmed := _revisions(given["confirmed"])):
        raise wrong_form()
    grades = Deliveries(service.store.database).lab_grades(service.course.name, given["lab"])
    replaced = tuple(sorted(each.grade.student for each in grades if each.student in overwrite))
    platform, address = _place(given)
    job = NewJob(
        course=service.course.name,
        lab=given["lab"],
        platform=platform,
        address=address,
        options=JobOptions(**flags, overwrite=replaced),
        confirmed=confirmed,
    )
    try:
        return DeliveryJobs(service.store.database).add(given["request"], job, actor=actor)
    except OtherBodyError as error:
        raise ProblemError("form-reused", "The dry run on this page was already sent with other options.") from error


def _revisions(given: str) -> dict[str, str]:
    """Pseudonym -> revision; empty for anything else."""
    try:
        found = json.loads(given)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        return {}
    return found
