"""EC2's query protocol: a form in, XML out, both held against the published model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.core.parse import EC2QueryParser
from moto.core.serialize import EC2Serializer, SerializationContext
from moto.core.utils import get_service_model
from werkzeug.wrappers import Request, Response

from blocks.providers.aws.emulator import shapes
from blocks.providers.aws.emulator.ec2 import Instances
from blocks.providers.aws.emulator.ec2_fleet import Fleets
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

_PROTOCOL = ("Action", "Version")


class Ec2:
    """What is emulated of EC2: machines that run. Networks and images are moto's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.instances = Instances(world)
        self._handlers = {**self.instances.handlers(), **Fleets(world, self.instances).handlers()}

    def answers(self, operation: str) -> bool:
        """Whether an operation is answered here."""
        return operation in self._handlers

    def answer(self, operation: str, request: Request, request_id: str) -> Response:
        """Answer one request. Raises AwsError."""
        model = shapes.operation("ec2", operation)
        assert model is not None  # noqa: S101
        asked = said(operation, request.form)
        try:
            shapes.check_request(model, asked)
        except AwsError as error:
            raise AwsError("InvalidParameterValue", error.message) from error
        with self._world.lock:
            told = self._handlers[operation](asked)
        shapes.check_answer(model, told)
        return Response(_xml(operation, told, request_id), content_type="text/xml;charset=UTF-8")


def said(operation: str, form: Mapping[str, str]) -> dict[str, Any]:
    """Return what a form asks for. Raises AwsError for words that the operation does not know."""
    model = shapes.operation("ec2", operation)
    assert model is not None  # noqa: S101
    values = {name: value for name, value in form.items() if name not in _PROTOCOL}
    asked: dict[str, Any] = EC2QueryParser(model).parse({"values": values})  # type: ignore[typeddict-item]
    known = {*model.input_shape.members} if model.input_shape else set()
    if unknown := {name.partition(".")[0] for name in values} - known - _spelled(model):
        raise AwsError("UnknownParameter", f"The parameter {min(unknown)} is not recognized")
    return asked


def _xml(operation: str, told: dict[str, Any], request_id: str) -> str:
    model = get_service_model("ec2").operation_model(operation)  # moto's own reading of botocore's
    context = SerializationContext(request_id=request_id)
    return str(EC2Serializer(model, context=context).serialize(told)["body"])


def _spelled(model: Any) -> set[str]:
    """Return the words of an operation as a form spells them."""
    if model.input_shape is None:
        return set()
    told = [each.serialization for each in model.input_shape.members.values()]
    names = [each.get("queryName") or each.get("name", "") for each in told]
    return {name[:1].upper() + name[1:] for name in names}
