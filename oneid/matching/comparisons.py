"""Two records → how alike each field is: comparisons as ordered levels, in SQL for Splink. Pure; nothing is run here.

A level is a condition on two rows (`x_l`, `x_r`) of the table of features (`oneid.matching.features`) with counts
(`f_…`: how many records of the file bear the same value). The first level that holds counts. What many bear says less,
so equality has levels by count; this is Splink's term frequency in a form that a table of counts can be fitted to.

`family` names the levels that two people of one household share or miss as freely as anything; at the other levels they
agree no more often than strangers do. `oneid.matching.posterior` says what that is for.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

# The counted features: f_x is the number of records with the same x.
COUNTED = (
    "n_full", "n_sur", "n_giv", "n_pair", "w_sur", "w_giv", "p_full", "p_ends", "e_full", "d_full", "t_street",
    "t_suburb", "t_postcode", "t_city", "t_street2", "i_id_number", "i_card", "i_wechat", "i_device", "i_login",
)  # fmt: skip

# How many others are to be expected who bear a name by chance, if surnames and given names combine freely. Counting whole
# names would not tell: a name that occurs five times may be that of five people or of one with five records.
EXPECTED_NAMESAKES_SQL = "(f_n_giv - f_n_pair) * f_n_sur / count(*) over ()"


class Level(NamedTuple):
    """`sql` is "" for the last level, which takes what is left. `m` is where the estimation begins."""

    label: str
    sql: str
    m: float
    family: bool = False


class Comparison(NamedTuple):
    name: str
    missing: str  # SQL: this field says nothing of these two
    levels: tuple[Level, ...]


def comparisons(present: Collection[str], chinese: bool, n: int) -> list[Comparison]:
    """What to compare in a file of `n` records in which the features `present` occur. `chinese`: its names are."""
    found: list[Comparison] = []
    if chinese and "n_full" in present:
        found.append(_chinese_name())
    else:
        found += [_surname()] if "w_sur" in present else []
        found += [_given_name("w_sur" in present)] if "w_giv" in present else []
    found += [_phone()] if "p_full" in present else []
    found += [_email()] if "e_full" in present else []
    found += [_birth_date(n)] if "d_full" in present else []
    found += [_gender()] if "g" in present else []
    found += _place(present, chinese)
    found += [
        _code(f"i_{role}") for role in ("id_number", "card", "wechat", "device", "login") if f"i_{role}" in present
    ]
    return found


def _place(present: Collection[str], chinese: bool) -> list[Comparison]:
    if chinese and "a_text" in present:
        return [_chinese_address()]  # it holds city and district too
    found = [_latin_address()] if "a_text" in present else []
    texts = [t for t in ("t_street", "t_street2", "t_suburb", "t_city") if t in present]
    found += [_text(t, other="t_street2" if t == "t_street" and "t_street2" in present else "") for t in texts]
    found += [_postcode()] if "t_postcode" in present else []
    found += [_same(t) for t in ("t_state", "t_street_number") if t in present]
    return found


def _either(column: str, value: str) -> str:
    return f"({column}_l = '{value}' or {column}_r = '{value}')"


def _null(*columns: str) -> str:
    return " or ".join(f"{c}_l is null or {c}_r is null" for c in columns)


def _equal(*columns: str) -> str:
    return " and ".join(f"{c}_l = {c}_r" for c in columns)


def _chinese_name() -> Comparison:
    # DuckDB's distances count bytes, of which a Chinese character has three: hence the substrings.
    full = "n_known_l = 'full' and n_known_r = 'full'"
    sounds = f"{full} and ({_equal('n_sound')} or {_equal('n_pair')})"
    part = f"({_either('n_known', 'given')} or {_either('n_known', 'word')})"
    levels = (
        Level("same, rare", f"{full} and {_equal('n_full')} and x_name_l < 0.1", 0.4),
        Level("same", f"{full} and {_equal('n_full')} and x_name_l < 0.5", 0.2),
        Level("same, common", f"{full} and {_equal('n_full')}", 0.1),
        Level("sounds the same, rare", f"{sounds} and x_name_l < 0.1", 0.06),
        Level("sounds the same", f"{sounds}", 0.04),
        Level("surname known, same", f"{_either('n_known', 'surname')} and {_equal('n_sur')}", 0.08, True),
        Level("nickname fits", f"{part} and ({_equal('n_part')} or {_equal('n_giv')})", 0.03),
        Level("nickname says nothing", f"{part} and not {_either('n_known', 'surname')}", 0.02, True),
        Level("one character apart", f"{full} and {_equal('n_sur')} and length(n_full_l) = 3 and length(n_full_r) = 3 and "
              "(substr(n_full_l, 2, 1) = substr(n_full_r, 2, 1) or substr(n_full_l, 3, 1) = substr(n_full_r, 3, 1))", 0.03, True),
        Level("character missing", f"{full} and {_equal('n_sur')} and ((length(n_full_l) = 3 and length(n_full_r) = 2 and "
              "contains(n_full_l, substr(n_full_r, 2, 1))) or (length(n_full_l) = 2 and length(n_full_r) = 3 and "
              "contains(n_full_r, substr(n_full_l, 2, 1))))", 0.02, True),
        Level("given name same, surname other", f"{full} and {_equal('n_giv')}", 0.01),
        Level("surname same, given name other", _equal("n_sur"), 0.005, True),
        Level("other", "", 0.005, True),
    )  # fmt: skip
    return Comparison("name", _null("n_full"), levels)


_SWAPPED = "(w_sur_l = w_giv_r and w_giv_l = w_sur_r)"


def _surname() -> Comparison:
    levels = (
        Level("same, rare", f"{_equal('w_sur')} and f_w_sur_l <= 10", 0.5, True),
        Level("same", _equal("w_sur"), 0.3, True),
        Level("very near", "jaro_winkler_similarity(w_sur_l, w_sur_r) >= 0.92", 0.1, True),
        Level("near", "jaro_winkler_similarity(w_sur_l, w_sur_r) >= 0.8", 0.05, True),
        Level("other", "", 0.05, True),
    )
    return Comparison("surname", f"{_null('w_sur')} or {_SWAPPED}", levels)


def _given_name(surname: bool) -> Comparison:
    levels = (
        *([Level("exchanged with the surname", _SWAPPED, 0.05)] if surname else []),
        Level("same, rare", f"{_equal('w_giv')} and f_w_giv_l <= 10", 0.4),
        Level("same", _equal("w_giv"), 0.3),
        Level("very near", "jaro_winkler_similarity(w_giv_l, w_giv_r) >= 0.92", 0.1),
        Level("near", "jaro_winkler_similarity(w_giv_l, w_giv_r) >= 0.8", 0.05),
        Level("initial", "(length(w_giv_l) = 1 or length(w_giv_r) = 1) and left(w_giv_l, 1) = left(w_giv_r, 1)", 0.05),
        Level("other", "", 0.05),
    )
    return Comparison("given_name", _null("w_giv"), levels)


def _phone() -> Comparison:
    masked = "(p_open_l is not null or p_open_r is not null)"
    fits = f"({_equal('p_ends')} or p_full_l like replace(p_full_r, '*', '_') or p_full_r like replace(p_full_l, '*', '_'))"
    few = "greatest(coalesce(f_p_ends_l, 0), coalesce(f_p_ends_r, 0)) <= 6"
    levels = (
        Level("same", f"not {masked} and {_equal('p_full')} and f_p_full_l <= 6", 0.6, True),
        Level("same, of many", f"not {masked} and {_equal('p_full')}", 0.05, True),
        Level("masked, fits", f"{masked} and {fits} and {few}", 0.15, True),
        Level("masked, fits many", f"{masked} and {fits}", 0.02, True),
        Level("a digit apart", f"not {masked} and damerau_levenshtein(p_full_l, p_full_r) = 1", 0.05, True),
        Level("other", "", 0.13, True),
    )  # fmt: skip
    return Comparison("phone", _null("p_full"), levels)


def _email() -> Comparison:
    near = "damerau_levenshtein(e_full_l, e_full_r) <= 2 or jaro_winkler_similarity(e_local_l, e_local_r) >= 0.95"
    levels = (
        Level("same", f"{_equal('e_full')} and f_e_full_l <= 6", 0.6, True),
        Level("same, of many", _equal("e_full"), 0.02, True),
        Level("same before the @", f"{_equal('e_local')} and length(e_local_l) > 2", 0.15, True),
        Level("near", near, 0.1, True),
        Level("other", "", 0.13, True),
    )  # fmt: skip
    return Comparison("email", _null("e_full"), levels)


def _birth_date(n: int) -> Comparison:
    # 1900-01-01 and the like: more bear it than could by chance.
    chance = max(6, 5 * n // 15_000)
    levels = (
        Level("same", f"{_equal('d_full')} and f_d_full_l <= {chance}", 0.75),
        Level("same, of many", _equal("d_full"), 0.05),
        Level("day and month exchanged", "d_full_l = d_swapped_r or d_swapped_l = d_full_r", 0.03),
        Level("a digit apart", "damerau_levenshtein(d_full_l, d_full_r) = 1", 0.07),
        Level("same day of another year", "right(d_full_l, 4) = right(d_full_r, 4)", 0.03),
        Level("two digits apart", "damerau_levenshtein(d_full_l, d_full_r) = 2", 0.02),
        Level("same year", _equal("d_year"), 0.02),
        Level("other", "", 0.03),
    )
    return Comparison("birth_date", _null("d_full"), levels)


def _gender() -> Comparison:
    return Comparison("gender", _null("g"), (Level("same", _equal("g"), 0.97), Level("other", "", 0.03, True)))


def _chinese_address() -> Comparison:
    here = f"(({_equal('a_road')} and {_equal('a_number')}) or {_equal('a_estate')})"
    levels = (
        Level("same home", f"{_equal('a_home')} and ({here} or {_equal('a_road')})", 0.3, True),
        Level("same text", _equal("a_text"), 0.1, True),
        Level("same house, home not said", f"{here} and (a_home_l is null or a_home_r is null)", 0.15, True),
        Level("same numbers, same area", f"{_equal('a_place')} and {_equal('a_area')}", 0.1, True),
        Level("same house, other home", here, 0.05, True),
        Level("same road", f"{_equal('a_road')} and {_equal('a_area')}", 0.05, True),
        Level("same area", _equal("a_area"), 0.1, True),
        Level("same city", _equal("a_city"), 0.05, True),
        Level("other", "", 0.1, True),
    )
    return Comparison("address", _null("a_text"), levels)


def _latin_address() -> Comparison:
    levels = (
        Level("same", _equal("a_text"), 0.5, True),
        Level("very near", "jaro_winkler_similarity(a_text_l, a_text_r) >= 0.92", 0.2, True),
        Level("same road and number", _equal("a_road", "a_number"), 0.05, True),
        Level("near", "jaro_winkler_similarity(a_text_l, a_text_r) >= 0.8", 0.1, True),
        Level("other", "", 0.15, True),
    )
    return Comparison("address", _null("a_text"), levels)


def _text(column: str, other: str = "") -> Comparison:
    exchanged = f"{column}_l = {other}_r or {column}_r = {other}_l" if other else ""
    levels = (
        Level("same, rare", f"{_equal(column)} and f_{column}_l <= 10", 0.4, True),
        Level("same", _equal(column), 0.3, True),
        *([Level("in the other line", exchanged, 0.02, True)] if exchanged else []),
        Level("very near", f"jaro_winkler_similarity({column}_l, {column}_r) >= 0.92", 0.1, True),
        Level("near", f"jaro_winkler_similarity({column}_l, {column}_r) >= 0.8", 0.05, True),
        Level("other", "", 0.13, True),
    )
    return Comparison(column.removeprefix("t_"), _null(column), levels)


def _postcode() -> Comparison:
    levels = (
        Level("same, rare", f"{_equal('t_postcode')} and f_t_postcode_l <= 10", 0.4, True),
        Level("same", _equal("t_postcode"), 0.4, True),
        Level("a digit apart", "damerau_levenshtein(t_postcode_l, t_postcode_r) = 1", 0.1, True),
        Level("other", "", 0.1, True),
    )
    return Comparison("postcode", _null("t_postcode"), levels)


def _same(column: str) -> Comparison:
    levels = (Level("same", _equal(column), 0.85, True), Level("other", "", 0.15, True))
    return Comparison(column.removeprefix("t_"), _null(column), levels)


def _code(column: str) -> Comparison:
    levels = (
        Level("same", f"{_equal(column)} and f_{column}_l <= 6", 0.8),
        Level("same, of many", _equal(column), 0.02),
        Level("a character apart", f"damerau_levenshtein({column}_l, {column}_r) = 1", 0.08),
        Level("two characters apart", f"damerau_levenshtein({column}_l, {column}_r) = 2", 0.05),
        Level("other", "", 0.05),
    )
    return Comparison(column.removeprefix("i_"), _null(column), levels)


def level_sql(comparison: Comparison) -> str:
    """The place of the first level that holds, counted from 0; -1 where the field says nothing."""
    whens = " ".join(f"when {level.sql} then {i}" for i, level in enumerate(comparison.levels) if level.sql)
    return f"(case when {comparison.missing} then -1 {whens} else {len(comparison.levels) - 1} end)::tinyint"


def compared_sql(records: str, pairs: str, chosen: list[Comparison], columns: list[str]) -> str:
    """One row per pair: a, b and the place of each comparison's level as `g0`, `g1` ….

    `pairs` has the rows (`a`, `b`) of the table `records`, whose features are `columns`.
    """
    sides = ", ".join(f"{side}.{c} as {c}_{side}" for c in columns for side in "lr")
    places = ", ".join(f"{level_sql(c)} as g{i}" for i, c in enumerate(chosen))
    joined = f"select p.a, p.b, {sides} from {pairs} p join {records} l on l.row = p.a join {records} r on r.row = p.b"  # noqa: S608
    return f"with sides as ({joined}) select a, b, {places} from sides"  # noqa: S608


def splink_settings(chosen: list[Comparison], keys: list[str]) -> dict[str, Any]:
    """The settings of Splink 5 for these comparisons, with candidates that share one of the columns `keys`."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "row",
        "blocking_rules_to_generate_predictions": [{"blocking_rule": f"l.{k} = r.{k}"} for k in keys],
        "comparisons": [
            {
                "output_column_name": c.name,
                "comparison_levels": [
                    {"sql_condition": c.missing, "label_for_charts": "nothing said", "is_null_level": True},
                    *({"sql_condition": level.sql or "ELSE", "label_for_charts": level.label} for level in c.levels),
                ],
            }
            for c in chosen
        ],
    }
