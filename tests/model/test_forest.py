import numpy as np
import xgboost as xgb

from casa.model.bundle import Bundle
from casa.model.forest import join, load
from pipeline.train import Rows


def test_boosters_answer_as_one_what_they_answer_apart(saved: Bundle, table: Rows) -> None:
    rows, boosters = saved.preprocessor.transform(table.houses), [load(one) for one in saved.boosters]
    matrix, forest = xgb.DMatrix(rows, nthread=1), join(boosters)
    margins = [booster.inplace_predict(rows, predict_type="margin") for booster in boosters]
    np.testing.assert_array_equal(forest.inplace_predict(rows, predict_type="margin"), np.column_stack(margins))
    shares = [booster.predict(matrix, pred_contribs=True) for booster in boosters]
    np.testing.assert_allclose(forest.predict(matrix, pred_contribs=True), np.stack(shares, axis=1), atol=1e-5)


def test_a_booster_keeps_its_base(table: Rows) -> None:
    rows = np.asarray(table.houses, dtype=np.float32)
    fitted = xgb.train({"max_depth": 2, "base_score": 7.5}, xgb.DMatrix(rows, table.prices), num_boost_round=3)
    forest = join([fitted, fitted])
    apart = fitted.inplace_predict(rows, predict_type="margin")
    np.testing.assert_allclose(forest.inplace_predict(rows, predict_type="margin"), np.column_stack([apart, apart]))
