"""The one small family of errors. A message says what is wrong, where, and what to do about it; it has no secret."""

from __future__ import annotations

from data_contracts.secrets import masked


class FoleyGenExError(Exception):
    """Anything this project raises on purpose. The command line prints it as one line and exits 1."""

    exit_code = 1

    def __init__(self, message: object = "") -> None:
        super().__init__(masked(str(message)))


class UsageError(FoleyGenExError):
    """Wrong usage or bad input: a missing file, a bad option, a config that does not parse. Exit code 2."""

    exit_code = 2


class InUseError(UsageError):
    """A workspace that another run uses; names that run and what to do. Waiting may help."""


class ContractError(FoleyGenExError):
    """A table or file that breaks its contract; names the column, the row and what was expected."""


class MismatchError(FoleyGenExError):
    """Two artifacts that do not belong together, e.g. features of one encoder and a model trained with another."""

    exit_code = 2


class WeightsError(FoleyGenExError):
    """Weights that are missing or are not the expected ones; names the file, its source and the fetching command."""

    exit_code = 2


class BudgetError(FoleyGenExError):
    """A call that would exceed the configured budget of tokens, money or rows. Raised before the call."""


class ServiceError(FoleyGenExError):
    """A remote service that fails after all retries. What was paid for is kept; the message says how to go on."""


class QualityError(FoleyGenExError):
    """A stage of which more items failed, or were made by the second choice, than its settings accept."""


class TrainingError(FoleyGenExError):
    """Training that cannot go on: a loss that is not finite or has exploded. Names the step and the last checkpoint."""


class ItemError(FoleyGenExError):
    """One item that cannot be processed. Becomes a quarantine row; the run goes on.

    `reason` is a short machine-readable code (`empty_file`, `not_audio`, `too_short`, ...) that counts are kept by.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = str(self)


def error_class(name: str) -> type[FoleyGenExError] | None:
    """Returns the class of this family with a name, by which another process has said what it raised.

    None for any other name, and for ItemError, which a message alone cannot make.
    """
    found = globals().get(name)
    is_error = isinstance(found, type) and issubclass(found, FoleyGenExError)
    return found if is_error and found is not ItemError else None
