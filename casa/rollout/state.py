"""What a rollout has done so far, noted on its Deployment: whoever comes after a killed one goes on from it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from casa.rollout.deployment import Deployment

ANNOTATION = "casa/rollout"

Phase = Literal["rolling", "watching", "undoing", "held", "undone"]
"""`rolling`: the template names the new model; `watching`: all pods have it and are watched; `undoing`: the old
template is being put back; `held` and `undone`: over."""


class State(BaseModel):
    """A rollout from one version to another. `BAKED`, an empty string, is the model of the image."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    before: str = Field(alias="from")
    """The last version that held."""
    to: str
    phase: Phase
    reason: str = ""
    """Why it is undone."""

    @property
    def over(self) -> bool:
        """Has it come to its end?"""
        return self.phase in ("held", "undone")

    @property
    def pinned(self) -> str:
        """The version that the template names in this phase."""
        return self.before if self.phase in ("undoing", "undone") else self.to

    def write(self) -> str:
        """The annotation's text."""
        return self.model_dump_json(by_alias=True)


def running(deployment: Deployment) -> State | None:
    """The rollout that has begun and not ended.

    None if the template has been changed since by others (`kubectl rollout undo`, `helm upgrade`): theirs is the
    last word, and a state that speaks of another version is history.
    """
    state = read(deployment)
    return state if state and not state.over and state.pinned == deployment.version else None


def read(deployment: Deployment) -> State | None:
    """The last rollout that is noted."""
    try:
        return State.model_validate_json(deployment.annotations.get(ANNOTATION, ""))
    except ValidationError:
        return None
