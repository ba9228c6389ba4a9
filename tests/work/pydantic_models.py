"""pydantic at work: nested models, validation of every kind, errors, JSON both ways."""

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Generic, Literal, Optional, TypeVar, Union

from pydantic import (
    BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, computed_field, field_serializer, field_validator,
    model_validator,
)


class Kind(enum.Enum):
    HOME = "home"
    WORK = "work"


class Address(BaseModel):
    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    street: str = Field(min_length=2, max_length=40)
    number: int = Field(gt=0)
    kind: Kind = Kind.HOME


class Circle(BaseModel):
    shape: Literal["circle"]
    radius: float = Field(ge=0)


class Square(BaseModel):
    shape: Literal["square"]
    side: Annotated[float, Field(multiple_of=0.5)]


class Person(BaseModel):
    model_config = ConfigDict(validate_assignment=True, extra="forbid")

    id: uuid.UUID
    name: str
    born: datetime.date
    seen: Optional[datetime.datetime] = None
    balance: decimal.Decimal = decimal.Decimal("0")
    addresses: list[Address] = []
    scores: dict[str, tuple[int, float]] = {}
    friends: list["Person"] = []
    favourite: Union[Circle, Square] = Field(discriminator="shape")
    nickname: str = Field(default="", alias="nick")
    flags: frozenset[int] = frozenset()

    @field_validator("name")
    @classmethod
    def capitalised(cls, value):
        if not value[:1].isupper():
            raise ValueError("a name begins with a capital letter")
        return value

    @model_validator(mode="after")
    def not_its_own_friend(self):
        if any(friend.id == self.id for friend in self.friends):
            raise ValueError("nobody is their own friend")
        return self

    @computed_field
    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split())

    @field_serializer("balance")
    def money(self, value):
        return f"{value:.2f} EUR"


DATA = {
    "id": "12345678-1234-5678-1234-567812345678",
    "name": "Ada Lovelace",
    "born": "1815-12-10",
    "seen": "1840-01-02T03:04:05.678Z",
    "balance": "12.5",
    "addresses": [{"street": "  St James's Square ", "number": "12"}, {"street": "Rue é", "number": 3, "kind": "work"}],
    "scores": {"maths": [10, 9.5], "music": ("3", 2)},
    "favourite": {"shape": "circle", "radius": 2},
    "nick": "Countess",
    "flags": [3, 1, 3],
}


def validation():
    person = Person.model_validate(DATA)
    print("person:", person.name, person.born, person.seen, person.balance, person.initials, sorted(person.flags))
    print("addresses:", person.addresses)
    print("scores:", person.scores, type(person.scores["music"]).__name__)
    print("favourite:", repr(person.favourite), person.nickname)
    dumped = person.model_dump()
    print("dump:", sorted(dumped), dumped["balance"], dumped["favourite"])
    text = person.model_dump_json(by_alias=True, exclude={"friends", "initials", "flags"})
    print("json:", text)
    again = Person.model_validate_json(person.model_dump_json(by_alias=True, exclude={"initials", "balance"}))
    print("again:", again.model_copy(update={"balance": person.balance}) == person)
    print("set:", sorted(again.model_fields_set))
    other = Person.model_validate({**DATA, "id": uuid.UUID(int=1), "friends": [person, {**DATA, "id": uuid.UUID(int=2)}]})
    print("friends:", [friend.id.int % 1000 for friend in other.friends], other.friends[0] is person)


def report(error):
    for item in error.errors(include_url=False, include_context=False):
        print("   ", ".".join(map(str, item["loc"])), "|", item["type"], "|", item["msg"], "|", repr(item["input"])[:60])


def errors():
    bad = {
        **DATA, "id": "nonsense", "name": "ada", "born": "1815-13-10", "balance": "much", "unknown": 1,
        "addresses": [{"street": "x", "number": -1, "kind": "moon"}, 5, {}], "scores": {"a": [1], "b": [1, 2, 3]},
        "favourite": {"shape": "triangle"}, "flags": ["x"],
    }
    try:
        Person.model_validate(bad)
    except ValidationError as error:
        print("errors:", error.error_count(), error.title)
        report(error)
        print("text:", str(error).splitlines()[0], len(error.json(include_url=False)) > 500)
    person = Person.model_validate(DATA)
    for name, value in (("name", "lower"), ("born", 5.5), ("missing", 1)):
        try:
            setattr(person, name, value)
        except ValidationError as error:
            print("assign", name)
            report(error)
    try:
        person.friends = [person]
    except ValidationError as error:
        report(error)
    try:
        person.addresses[0].number = 5
    except ValidationError as error:
        report(error)
    try:
        Person.model_validate_json('{"id": 1,')
    except ValidationError as error:
        report(error)
    print("still:", person.name, person.addresses[0].number)


T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: Optional["Page[T]"] = None


def generics_and_adapters():
    page = Page[int].model_validate({"items": ["1", 2], "next": {"items": [3]}})
    print("page:", page, type(page).__name__)
    try:
        Page[int].model_validate({"items": [1], "next": {"items": ["x"]}})
    except ValidationError as error:
        report(error)
    adapter = TypeAdapter(dict[datetime.date, list[Union[int, str, None]]])
    value = adapter.validate_json('{"2024-01-02": [1, "2", null]}')
    print("adapter:", value, adapter.dump_json(value))
    strict = TypeAdapter(Annotated[int, Field(strict=True, lt=10)])
    for candidate in (5, "5", 50, True, 2**80):
        try:
            print("strict:", strict.validate_python(candidate))
        except ValidationError as error:
            report(error)
    schema = Person.model_json_schema()
    print("schema:", sorted(schema["$defs"]), schema["$ref"] if "$ref" in schema else schema["title"])


def many():
    adapter = TypeAdapter(list[Person])
    people = adapter.validate_python([{**DATA, "id": uuid.UUID(int=n), "name": f"N{n}"} for n in range(500)])
    text = adapter.dump_json(people, by_alias=True, exclude={"__all__": {"initials", "balance"}})
    back = adapter.validate_json(text)
    print("many:", len(back), sum(person.id.int for person in back), back[499].name, len(text) > 100_000)


if __name__ == "__main__":
    validation()
    errors()
    generics_and_adapters()
    many()
