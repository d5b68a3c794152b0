"""Random documents, and random updates of every kind that MongoDB knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson import Int64, ObjectId

if TYPE_CHECKING:
    from random import Random

__all__ = ["exact", "random_document", "random_update"]

NAMES = ("a", "b", "0", "1", "n", "list", "deep")


def exact(value: Any) -> Any:
    """A form in which 1 is not True and not 1.0; the order of fields does not count."""
    if isinstance(value, dict):
        return {name: exact(each) for name, each in value.items()}
    if isinstance(value, list):
        return [exact(each) for each in value]
    return (type(value).__name__, value)


def random_value(generator: Random, depth: int = 2) -> Any:
    kinds = ["number", "text", "other"] + (["object", "list", "objects"] if depth else [])
    match generator.choice(kinds):
        case "number":
            return generator.choice([0, 1, 2, 3, -7, 2.5, Int64(2**40)])
        case "text":
            return generator.choice(["", "x", "y", "a.b", "$c", "long" * 40])
        case "object":
            names = generator.sample(NAMES, generator.randrange(4))
            return {name: random_value(generator, depth - 1) for name in names}
        case "list":
            return [random_value(generator, depth - 1) for _ in range(generator.randrange(5))]
        case "objects":
            return [
                {"n": generator.randrange(4), "a": random_value(generator, 0)}
                for _ in range(generator.randrange(1, 6))
            ]
        case _:
            return generator.choice([None, True, False, ObjectId()])


def random_document(generator: Random, id: int) -> dict[str, Any]:
    """One with numbers, nested objects and lists at known places, so that updates find them."""
    return {
        "_id": id,
        "n": generator.randrange(9),
        "list": [generator.randrange(9) for _ in range(generator.randrange(8))],
        "objects": [
            {"n": generator.randrange(4), "a": i} for i in range(generator.randrange(1, 6))
        ],
        "deep": {"a": {"b": {"0": 1, "1": [1, 2]}, "list": [1, [2, 3]]}, "0": {"1": 2}},
        "dotted": {"p.q": 1, "p": {"q": 2}},
        **{name: random_value(generator) for name in generator.sample("abcde", 3)},
    }


def random_path(generator: Random) -> str:
    """One that is often there, sometimes half."""
    known = ["n", "deep.a", "deep.a.b", "deep.a.b.0", "deep.0.1", "objects.0.n", "objects.1.a"]
    known += ["list.0", "list.2", "list.9", "deep.a.list.1.0", "deep.a.b.1.1", "objects.6.a"]
    known += ["dotted.p.q"]
    if generator.random() < 0.6:
        return generator.choice(known)
    return ".".join(generator.choice(NAMES) for _ in range(generator.randrange(1, 4)))


def random_list(generator: Random) -> str:
    return generator.choice(["list", "list", "objects", "deep.a.list", "deep.a.b.1", "a", "new"])


async def random_update(generator: Random, collection: Any, id: int) -> int:
    """Do one; how many documents it matched. Raises OperationFailure when it does not fit."""
    kind = generator.choice(["operators"] * 8 + ["pipeline"] * 3 + ["positional"] * 3 + ["whole"])
    by_id: dict[str, Any] = {"_id": id}
    match kind:
        case "operators":
            update = _operators(generator)
            if generator.random() < 0.3:
                return int(await collection.find_one_and_update(by_id, update) is not None)
            done = await collection.update_one(by_id, update)
        case "pipeline":
            done = await collection.update_one(by_id, _pipeline(generator))
        case "positional":
            condition, update, options = _positional(generator)
            done = await collection.update_one(by_id | condition, update, **options)
        case _:
            if generator.random() < 0.3:
                await collection.delete_one(by_id)
            replacement = random_document(generator, id)
            done = await collection.replace_one(by_id, replacement, upsert=True)
            return 1
    return int(done.matched_count)


def _operators(generator: Random) -> dict[str, Any]:
    """One to three operators on paths that do not get in each other's way too often."""
    update: dict[str, Any] = {}
    for _ in range(generator.choice([1, 1, 2, 3])):
        operator, path, value = _operator(generator)
        update.setdefault(operator, {})[path] = value
    return update


def _operator(generator: Random) -> tuple[str, str, Any]:
    number = generator.choice(["n", "deep.0.1", "deep.a.b.0", "objects.0.n", "new.n", "list.0"])
    a_list, path = random_list(generator), random_path(generator)
    some = [random_value(generator, 0) for _ in range(generator.randrange(1, 4))]
    sortable = a_list == "objects"
    return generator.choice(
        [
            ("$set", path, random_value(generator)),
            ("$set", path, random_value(generator)),
            ("$unset", path, ""),
            ("$unset", path, ""),
            ("$inc", number, generator.choice([1, -3, 0.5])),
            ("$mul", number, generator.choice([2, 0, 1.5])),
            ("$min", number, generator.randrange(-5, 9)),
            ("$max", number, generator.randrange(-5, 9)),
            (
                "$rename",
                generator.choice(["a", "b", "deep.a", "n"]),
                generator.choice(["b", "r.s"]),
            ),
            ("$currentDate", generator.choice(["at", "deep.at"]), True),
            ("$currentDate", "stamp", {"$type": "timestamp"}),
            ("$addToSet", a_list, {"$each": some}),
            ("$pop", a_list, generator.choice([1, -1])),
            ("$pull", a_list, {"n": {"$lt": 2}} if sortable else {"$in": [1, 2, *some]}),
            ("$pullAll", a_list, some),
            ("$push", a_list, random_value(generator)),
            ("$push", a_list, {"$each": some}),
            ("$push", a_list, {"$each": some, "$position": generator.choice([0, 1, -1, 50])}),
            ("$push", a_list, {"$each": some, "$slice": generator.choice([-3, 0, 2, 4, -50])}),
            ("$push", "objects", {"$each": [{"n": 1}], "$sort": {"n": 1}, "$slice": -4}),
            ("$push", a_list, {"$each": [], "$sort": {"n": -1} if sortable else 1}),
            ("$bit", "n", {"xor": 5}),
        ]
    )


def _pipeline(generator: Random) -> list[dict[str, Any]]:
    literal = {"$literal": random_value(generator)}
    cut = {"$slice": ["$objects", generator.randrange(1, 4)]}
    stages: list[dict[str, Any]] = [
        {"$set": {random_path(generator): literal}},
        {"$set": {"n": {"$add": [1, {"$ifNull": ["$none", 2]}]}, "copy": "$deep.a"}},
        {"$set": {"objects": {"$cond": [{"$isArray": "$objects"}, cut, []]}}},
        {"$set": {"list": {"$concatArrays": [[generator.randrange(9)], [1, 2, 3]]}}},
        {"$unset": [generator.choice(["a", "b", "deep.a.b", "deep.0", "objects.n", "list"])]},
        {"$replaceWith": {"$mergeObjects": ["$$ROOT", {"e": literal}]}},
        {"$replaceWith": {"_id": "$_id", "deep": "$deep", "objects": "$objects", "n": 1}},
    ]
    return generator.sample(stages, generator.randrange(1, 3))


def _positional(generator: Random) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    value = random_value(generator)
    n = generator.randrange(4)
    choices: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        ({"objects.n": n}, {"$set": {"objects.$.a": value}}, {}),
        ({"objects.n": n}, {"$unset": {"objects.$.a": ""}}, {}),
        ({"objects.n": n}, {"$set": {"objects.$": {"n": n}}}, {}),
        ({"objects": {"$type": "array"}}, {"$inc": {"objects.$[].n": 1}}, {}),
        ({"list": n}, {"$set": {"list.$": value}}, {}),
        (
            {"objects": {"$type": "array"}},
            {"$set": {"objects.$[each].a": value}},
            {"array_filters": [{"each.n": {"$gte": n}}]},
        ),
        (
            {"objects": {"$type": "array"}},
            {"$push": {"objects.$[each].more": {"$each": [1, 2], "$slice": -3}}},
            {"array_filters": [{"each.n": n}]},
        ),
    ]
    return generator.choice(choices)
