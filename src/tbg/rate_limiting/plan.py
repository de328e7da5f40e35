"""What each operation is charged, worked out at the boot."""

from collections.abc import Collection, Iterable, Mapping
from operator import itemgetter

import attrs

from tbg.contract import Contract, MismatchError, Operation
from tbg.rate_limiting.declarations import POLICIES, Values, charges_of, merged, wrong_policies
from tbg.rate_limiting.policies import ADDRESS, DEFAULT, Charge, Charges, Policy, Rule

Key = tuple[str, str]


@attrs.frozen
class RateLimits:
    """The charges of every operation, ready to be looked up.

    The keys that one request touches must lie in one slot of a Redis Cluster, and each key always in the same. So they
    are placed by their client; but policies of different scopes that meet on some operation are placed together, all
    clients in one slot, as no other place is common to an address and an API key.

    Attributes:
        unmatched: What a path costs that no operation has.
    """

    policies: Mapping[str, Policy]
    unmatched: Rule
    _operations: Mapping[Key, Rule]

    def of(self, operation: Operation | None) -> Rule | None:
        """Return what a request for ``operation`` costs; None when it is not limited."""
        return self.unmatched if operation is None else self._operations.get((operation.method, operation.path))

    @classmethod
    def load(cls, contract: Contract, overrides: Mapping[str, Values], scopes: Collection[str]) -> "RateLimits":
        """Read the policies and charges of ``contract``.

        Args:
            contract: Where they are declared.
            overrides: Other values by policy and attribute, from the settings.
            scopes: What the features supply besides the address.

        Raises:
            MismatchError: A name that is not declared, a number that makes no sense, …; all findings are listed.
        """
        declared = contract.document.content.get(POLICIES, {})
        findings = list(wrong_policies(declared, overrides))
        policies = {} if findings or not isinstance(declared, dict) else merged(declared, overrides)
        findings += [
            f"{POLICIES}: {policy.name}: no feature supplies the scope {policy.scope!r}"
            for policy in policies.values()
            if policy.scope not in {ADDRESS, *scopes}
        ]
        charges = {}
        for key, operation in contract.operations.items() if policies else ():
            charges[key], wrong = charges_of(operation, policies)
            findings += [f"{operation.method} {operation.path}: {each}" for each in wrong]
        if findings:
            raise MismatchError(f"The rate limits of the contract {contract.document.path} cannot be used:", findings)
        return cls._placed(policies, charges)

    @classmethod
    def _placed(cls, policies: Mapping[str, Policy], charges: Mapping[Key, Charges]) -> "RateLimits":
        unmatched = (Charge(policies[DEFAULT]),)
        slots, least = _slots(charges.values()), _least_costs([unmatched, *charges.values()])

        def placed(charge: Charge) -> Charge:
            name = charge.policy.name
            return attrs.evolve(charge, slot=slots.get(name), is_cheapest=charge.cost == least[name])

        rules = {key: Rule(tuple(map(placed, found))) for key, found in charges.items() if found}
        return cls(policies, Rule(tuple(map(placed, unmatched))), rules)


def _least_costs(all_charges: Iterable[Charges]) -> dict[str, int]:
    """Return what the cheapest operation costs under each policy."""
    costs = [(charge.policy.name, charge.cost) for charges in all_charges for charge in charges]
    return dict(sorted(costs, key=itemgetter(1), reverse=True))


def _slots(all_charges: Iterable[Charges]) -> dict[str, str]:
    """Return the common slot of each policy that meets one of another scope, directly or through others."""
    groups: list[set[Policy]] = []
    for charges in all_charges:
        group = {charge.policy for charge in charges}
        for other in [each for each in groups if each & group]:
            groups.remove(other)
            group |= other
        groups.append(group)
    mixed = [group for group in groups if len({policy.scope for policy in group}) > 1]
    return {policy.name: "+".join(sorted(each.name for each in group)) for group in mixed for policy in group}
