"""Cells: combining factors, ids from content, and the pairs that are compared."""

from __future__ import annotations

from pathlib import Path

from sparkbed.suite import Suite, cluster_daemons, cluster_key, compared, load

HEAD = "suite: s\nworkload: w\n"
THREE = HEAD + "factors:\n  parameters.a: [1, 2]\n  parameters.b: [x, y]\n  parameters.c: [p, q]\n"


def read(tmp_path: Path, text: str) -> Suite:
    (tmp_path / "s.yml").write_text(text)
    return load(tmp_path / "s.yml")


def levels(suite: Suite) -> list[str]:
    return ["".join(cell.factors.values()) for cell in suite.cells]


def test_the_product_varies_the_first_factor_slowest(tmp_path: Path) -> None:
    suite = read(tmp_path, THREE)
    assert levels(suite) == ["1xp", "1xq", "1yp", "1yq", "2xp", "2xq", "2yp", "2yq"]


def test_zipped_factors_run_side_by_side_and_are_crossed_with_the_rest(tmp_path: Path) -> None:
    text = THREE
    assert levels(read(tmp_path, text + "combine: {zip: [parameters.a, parameters.c]}\n")) == [
        "1xp",
        "1yp",
        "2xq",
        "2yq",
    ]
    assert levels(read(tmp_path, text + "combine: [{zip: [parameters.a, parameters.b, parameters.c]}]\n")) == [
        "1xp",
        "2yq",
    ]
    assert len(read(tmp_path, text + "combine: product\n").cells) == 8


def test_exclusions_take_out_what_matches_all_their_levels(tmp_path: Path) -> None:
    text = THREE
    suite = read(tmp_path, text + "exclude: [{parameters.a: 1, parameters.b: x}, {parameters.c: q}]\n")
    assert levels(suite) == ["1yp", "2xp", "2yp"]


def test_level_names_are_written_as_yaml_writes_them(tmp_path: Path) -> None:
    suite = read(tmp_path, HEAD + "factors:\n  parameters.on: [yes, no, 1.5]\nexclude: [{parameters.on: false}]\n")
    assert [cell.factors["parameters.on"] for cell in suite.cells] == ["true", "1.5"]
    assert [cell.parameters["on"] for cell in suite.cells] == [True, 1.5]


def test_ids_come_from_content_alone(tmp_path: Path) -> None:
    named = read(
        tmp_path, HEAD + "factors:\n  size:\n    small: {parameters: {n: 1}}\n    large: {parameters: {n: 2}}\n"
    )
    listed = read(tmp_path, HEAD + "question: other words\nseed: 9\ntrials: 2\nfactors:\n  parameters.n: [2, 1]\n")
    alone = read(tmp_path, "suite: other\nworkload: w\nparameters: {n: 1}\n")
    assert [cell.id for cell in named.cells] == [cell.id for cell in reversed(listed.cells)]
    assert alone.cells[0].id == named.cells[0].id


def test_ids_stay_what_they_are(tmp_path: Path) -> None:
    # Campaigns in people's databases hold these: a change here means that none of them can be resumed or compared.
    suite = read(tmp_path, "suite: s\nworkload: w\nsettings: {worker_cores: 2}\nparameters: {n: 1, m: a}\n")
    assert [cell.id for cell in suite.cells] == ["aadc88c330"]


def test_every_part_of_the_content_counts(tmp_path: Path) -> None:
    variants = [
        "",
        "settings: {worker_cores: 1}\n",
        "settings: {spark.a: 1}\n",
        "parameters: {n: 1}\n",
        "parameters: {n: '1'}\n",
        "count: {workers: 1}\n",
        "inventory: static\n",
    ]
    ids = {read(tmp_path, HEAD + variant).cells[0].id for variant in variants}
    assert len(ids) == len(variants)


def test_an_alias_lets_a_thing_be_compared_with_itself(tmp_path: Path) -> None:
    text = HEAD + "factors:\n  twin:\n    a: {}\n    b: {alias: again}\nbaseline: {twin: a}\n"
    suite = read(tmp_path, text)
    first, second = suite.cells
    assert first.id != second.id
    assert first.id == read(tmp_path, HEAD).cells[0].id
    assert cluster_key(first) == cluster_key(second)
    assert compared(suite) == [(first.id, second.id)]


def test_cells_share_a_cluster_when_hosts_platform_and_settings_are_the_same(tmp_path: Path) -> None:
    suite = read(tmp_path, HEAD + "factors:\n  settings.worker_cores: [1, 2]\n  parameters.n: [1, 2]\n")
    a, b, c, d = map(cluster_key, suite.cells)
    assert a == b != c == d


def test_a_plain_workload_has_a_cluster_of_its_own_without_daemons(tmp_path: Path) -> None:
    suite = read(tmp_path, "suite: s\nfactors:\n  workload: [kmeans, pagerank, exchange]\n")
    kmeans, pagerank, exchange = suite.cells
    assert cluster_key(kmeans) == cluster_key(pagerank) != cluster_key(exchange)
    assert [cluster_daemons(cell) for cell in suite.cells] == [True, True, False]


def test_cells_are_compared_with_those_that_differ_in_the_baselines_factors_only(tmp_path: Path) -> None:
    suite = read(tmp_path, THREE + "baseline: {parameters.c: q}\n")
    names = {cell.id: "".join(cell.factors.values()) for cell in suite.cells}
    assert [(names[base], names[cell]) for base, cell in compared(suite)] == [
        ("1xq", "1xp"),
        ("1yq", "1yp"),
        ("2xq", "2xp"),
        ("2yq", "2yp"),
    ]


def test_a_baseline_of_two_factors_has_one_counterpart_for_many_cells(tmp_path: Path) -> None:
    text = THREE
    suite = read(tmp_path, text + "baseline: {parameters.a: 1, parameters.b: x}\n")
    names = {cell.id: "".join(cell.factors.values()) for cell in suite.cells}
    assert {(names[base], names[cell]) for base, cell in compared(suite)} == {
        ("1xp", "1yp"), ("1xp", "2xp"), ("1xp", "2yp"), ("1xq", "1yq"), ("1xq", "2xq"), ("1xq", "2yq"),
    }  # fmt: skip


def test_a_baseline_takes_its_zipped_factors_along(tmp_path: Path) -> None:
    text = THREE + "combine: {zip: [parameters.a, parameters.c]}\n"
    suite = read(tmp_path, text + "baseline: {parameters.c: p}\n")
    names = {cell.id: "".join(cell.factors.values()) for cell in suite.cells}
    assert [(names[base], names[cell]) for base, cell in compared(suite)] == [("1xp", "2xq"), ("1yp", "2yq")]


def test_without_a_baseline_or_a_counterpart_nothing_is_compared(tmp_path: Path) -> None:
    assert compared(read(tmp_path, THREE)) == []
    (tmp_path / "s.yml").write_text(THREE + "baseline: {parameters.c: p}\n")
    assert compared(load(tmp_path / "s.yml", only="parameters.c=q")) == []


def test_settings_are_the_same_however_they_are_written(tmp_path: Path) -> None:
    ways = [
        "settings: {gc: G1, spark: {spark.a: true}}\n",
        "settings: {gc: g1, spark.a: 'true'}\n",
        "factors:\n  settings.spark.a: [true]\n  settings.gc: [G1]\n",
        "factors:\n  settings.spark.spark.a: [true]\n  x:\n    y: {settings: {gc: G1}}\n",
        "settings: {spark: {spark.a: false}}\nfactors: {x: {y: {settings: {spark: {spark.a: true}, gc: G1}}}}\n",
    ]
    assert len({read(tmp_path, HEAD + way).cells[0].id for way in ways}) == 1
