"""Invents people: the attribute values of generated members and guests.

Source: Microsoft Graph: user resource type; Entra: properties of a B2B collaboration user.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any, Final

from azure_adapter.simulator import names
from azure_adapter.simulator.names import Locale, Word

_WEIGHTS: Final = tuple(locale.weight for locale in names.LOCALES)
_NOT_IN_ADDRESS: Final = re.compile(r"[^a-z0-9.-]")


class People:
    """Draws people from a random generator; equal generators draw equal people.

    Args:
        rng: Source of chance.
        domain: Domain of the members' addresses.
        taken: Says whether a lower-case userPrincipalName is in use.
    """

    def __init__(self, rng: random.Random, domain: str, taken: Callable[[str], bool]) -> None:
        self._rng = rng
        self._domain = domain
        self._taken = taken
        self._numbers: dict[str, int] = {}

    def member(self, number: int) -> dict[str, Any]:
        """Draw an employee.

        Args:
            number: Personnel number.

        Returns:
            Attribute values for ``Directory.add_user``.
        """
        rng = self._rng
        locale = self._locale()
        given, surname = rng.choice(locale.given), rng.choice(locale.surnames)
        upn = self.address(given.ascii, surname.ascii)
        person: dict[str, Any] = {
            "userPrincipalName": upn,
            "displayName": full_name(locale, given, surname),
            "givenName": given.native,
            "surname": surname.native,
            "mail": upn,
            "mailNickname": upn.partition("@")[0],
            "accountEnabled": rng.random() >= 0.04,
            "userType": "Member",
            "createdDateTime": f"20{rng.randint(10, 25)}-{rng.randint(1, 12):02}-15T08:30:00Z",
            "preferredLanguage": locale.language,
            "companyName": rng.choice(names.COMPANIES),
            "employeeId": f"{number:06}",
            "businessPhones": [],
            **self.position(),
        }
        self._contact(person, locale)
        self._gaps(person)
        return person

    def guest(self) -> dict[str, Any]:
        """Draw a guest: ``#EXT#`` in the userPrincipalName, mail at home, few attributes."""
        rng = self._rng
        locale = self._locale()
        given, surname = rng.choice(locale.given), rng.choice(locale.surnames)
        alias = _address_part(f"{given.ascii}.{surname.ascii}")
        home = rng.choice(names.PARTNERS)
        upn = self._free(f"{alias}_{home}#EXT#", alias)
        return {
            "userPrincipalName": upn,
            "displayName": full_name(locale, given, surname),
            "givenName": None if rng.random() < 0.5 else given.native,
            "surname": None if rng.random() < 0.5 else surname.native,
            "mail": f"{upn.partition('_')[0]}@{home}",
            "userType": "Guest",
            "externalUserState": rng.choice(("Accepted", "PendingAcceptance")),
            "accountEnabled": True,
            "businessPhones": [],
        }

    def position(self) -> dict[str, Any]:
        """Draw a place in the company: department, jobTitle, officeLocation."""
        rng = self._rng
        title = f"{rng.choice(names.LEVELS)} {rng.choice(names.TITLES)}".strip()
        return {
            "department": rng.choice(names.DEPARTMENTS),
            "jobTitle": title,
            "officeLocation": rng.choice(names.OFFICES),
        }

    def surname(self, language: str | None, other_than: str | None) -> tuple[Locale, Word]:
        """Draw another surname of a language (any language when unknown)."""
        fitting = [locale for locale in names.LOCALES if locale.language == language]
        locale = fitting[0] if fitting else self._locale()
        others = [word for word in locale.surnames if word.native != other_than]
        return locale, self._rng.choice(others)

    def address(self, given: str, surname: str) -> str:
        """Make a free userPrincipalName from ASCII names, numbered when needed."""
        alias = _address_part(f"{given}.{surname}")
        return self._free(alias, alias)

    def _free(self, local: str, alias: str) -> str:
        while True:
            number = self._numbers.get(local, 0) + 1
            self._numbers[local] = number
            suffix = "" if number == 1 else str(number)
            upn = f"{alias}{suffix}{local.removeprefix(alias)}@{self._domain}"
            if not self._taken(upn.lower()):
                return upn

    def _locale(self) -> Locale:
        return self._rng.choices(names.LOCALES, _WEIGHTS)[0]

    def _contact(self, person: dict[str, Any], locale: Locale) -> None:
        rng = self._rng
        if rng.random() < 0.7:
            person["businessPhones"] = [f"{locale.dialing} 555 {rng.randint(0, 9999):04}"]
        if rng.random() < 0.5:
            person["mobilePhone"] = f"{locale.dialing} 777 {rng.randint(0, 9999):04}"
        if rng.random() < 0.1:
            person["otherMails"] = [f"{person['mailNickname']}@home.example"]
        if rng.random() < 0.6:
            person["streetAddress"] = f"{rng.randint(1, 200)} Main Street"
            person["city"] = locale.city
            person["postalCode"] = f"{rng.randint(10000, 99999)}"
            person["country"] = locale.country

    def _gaps(self, person: dict[str, Any]) -> None:
        """Take away what real people lack: mail, names, department."""
        rng = self._rng
        if rng.random() < 0.03:
            del person["mail"]
        if rng.random() < 0.02:
            person["givenName"] = None
        if rng.random() < 0.02:
            del person["surname"]
        if rng.random() < 0.03:
            del person["department"]


def full_name(locale: Locale, given: Word, surname: Word) -> str:
    """Write a displayName the way the language orders it."""
    return locale.pattern.format(given=given.native, surname=surname.native)


def _address_part(text: str) -> str:
    return _NOT_IN_ADDRESS.sub("", text.lower())
