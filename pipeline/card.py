"""The model card: what the model is for, how good it is, and what its figures do not say.

After Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from __future__ import annotations

from typing import Any

from casa.house import HOUSE

CARD = """# Model card: Casa's house prices

## What it is
{boosters} of XGBoost ({trees} trees) behind a fixed preprocessing, chosen as `{winner}` among
{experiments} experiments by repeated cross-validation on the training rows. It gives the median value of a census
tract's owner-occupied homes in {unit}, with an interval made to hold {aim:.0%} of prices.

## What it is for
Trying, teaching and testing a prediction service. The table describes the Boston area around 1970: 506 tracts,
prices of that time, capped at 50. **It must not price a real home, and no decision about a person may rest on it.**

## How good it is
On {test} test rows that were split off before anything was learned and used once, after the choice
(95 % bootstrap intervals):

| figure | value | from | to |
|---|--:|--:|--:|
{scores}

The interval holds {coverage:.1%} of the test prices (aim {aim:.0%}) and {dearest:.1%} of the dearest fifth;
it is {width:.2f} wide on average.

| experiment | RMSE, cross-validated | RMSE, training rows | RMSE, test rows |
|---|--:|--:|--:|
{table}

## What one split does not say
{test} rows are few: the interval above is what another draw of test rows could have shown. Splits differ by more
than recipes do, so recipes are compared over many splits by `benchmarks/model_quality.py`; a single split's
figure, this one included, ranks nothing. The choice among the experiments never saw the test rows.

## The column B
`B` is 1000 (share of Black residents - 0.63)², a measure of segregation that its authors put into a price model in
1978. It encodes race, its square hides which side of 0.63 a tract is on, and a model that uses it repeats
the discrimination that set those prices. It stays because the table is a shared yardstick and leaving it out would
not remove what correlates with it. Do not carry it into a model that matters. Errors by `B` on the test rows
(bias: predicted minus actual; few rows, wide uncertainty):

| B from | to | rows | RMSE | bias |
|--:|--:|--:|--:|--:|
{groups}

## Where it does not reach
Trees do not extrapolate: outside the training data they answer as at its edge, and the answer says so in `warnings`.
Prices above 50 do not exist in the table. Missing {optional} are filled from the other columns.

## Where it comes from
Data SHA-256 `{data}`, code `{code}`, MLflow run `{run}`, made {created}.
"""


def card(metrics: dict[str, Any], origin: dict[str, Any]) -> str:
    """The card in Markdown, from the report's figures and the lineage."""
    return CARD.format(
        boosters=_counted(metrics["boosters"], "booster"),
        trees=metrics["trees"],
        winner=metrics["winner"],
        experiments=len(metrics["experiments"]),
        unit=HOUSE.target.unit,
        aim=metrics["interval"]["aim"],
        test=metrics["rows"]["test"],
        scores=_scores(metrics["test"]),
        coverage=metrics["interval"]["coverage"],
        dearest=metrics["interval"]["coverage_dearest_fifth"],
        width=metrics["interval"]["width"],
        table=_experiments(metrics["experiments"]),
        groups=_groups(metrics["groups"]),
        optional=", ".join(feature.name for feature in HOUSE.features if feature.optional),
        data=origin["data_sha256"][:12],
        code=origin["code_revision"] or "unknown",
        run=origin["mlflow_run"] or "unknown",
        created=origin["created"],
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _scores(test: dict[str, Any]) -> str:
    units = {"rmse": "RMSE, $1000", "mae": "mean absolute error, $1000", "r2": "R²"}
    return "\n".join(
        f"| {units[name]} | {one['value']:.3f} | {one['low']:.3f} | {one['high']:.3f} |" for name, one in test.items()
    )


def _experiments(rows: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"| {row['name']} | {row['cv_rmse']:.3f} | {row['train_rmse']:.3f} | {row['test_rmse']:.3f} |" for row in rows
    )


def _groups(rows: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"| {row['low']:.1f} | {row['high']:.1f} | {row['rows']} | {row['rmse']:.2f} | {row['bias']:+.2f} |"
        for row in rows
    )
