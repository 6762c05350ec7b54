"""Every command of the table is whole: a handler, refusals with words, a body that says it."""

from services.gateway.labels import pt_br
from services.tickets.handlers.commands import HANDLERS
from shared.contracts.problems import PROBLEMS
from shared.contracts.ticket_api import COMMON_REFUSALS, TICKET_COMMANDS
from tests.tickets.handlers.office import Office, text


def test_every_command_has_a_handler_and_every_handler_a_command() -> None:
    assert set(HANDLERS) == {one.body for one in TICKET_COMMANDS}


def test_names_paths_and_operations_are_unique() -> None:
    for values in (
        [one.name for one in TICKET_COMMANDS],
        [one.path for one in TICKET_COMMANDS],
        [one.operation_id for one in TICKET_COMMANDS],
    ):
        assert len(set(values)) == len(values)


def test_every_refusal_has_a_status_and_words() -> None:
    for command in TICKET_COMMANDS:
        for code in (*command.refusals, *COMMON_REFUSALS):
            assert code in PROBLEMS, (command.name, code)
            assert code in pt_br.PROBLEMS, (command.name, code)


def test_probes_and_examples_are_bodies() -> None:
    for command in TICKET_COMMANDS:
        assert type(command.probe) is command.body
        if command.example:
            command.body.model_validate(command.example)


async def test_a_state_says_of_every_command_whether_it_may_be_given(office: Office) -> None:
    await office.hears(text(at=office.at))
    told = (await office.state(await office.newest_ticket())).allowed
    assert set(told) == {one.name for one in TICKET_COMMANDS}
    declared = {one.name: {*one.refusals, *COMMON_REFUSALS} for one in TICKET_COMMANDS}
    for name, refused in told.items():
        assert refused is None or refused.code in declared[name], name
