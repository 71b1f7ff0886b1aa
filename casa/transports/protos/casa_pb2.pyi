from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class House(_message.Message):
    __slots__ = ("crim", "zn", "indus", "chas", "nox", "rm", "age", "dis", "rad", "tax", "ptratio", "b", "lstat")
    CRIM_FIELD_NUMBER: _ClassVar[int]
    ZN_FIELD_NUMBER: _ClassVar[int]
    INDUS_FIELD_NUMBER: _ClassVar[int]
    CHAS_FIELD_NUMBER: _ClassVar[int]
    NOX_FIELD_NUMBER: _ClassVar[int]
    RM_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    DIS_FIELD_NUMBER: _ClassVar[int]
    RAD_FIELD_NUMBER: _ClassVar[int]
    TAX_FIELD_NUMBER: _ClassVar[int]
    PTRATIO_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    LSTAT_FIELD_NUMBER: _ClassVar[int]
    crim: float
    zn: float
    indus: float
    chas: float
    nox: float
    rm: float
    age: float
    dis: float
    rad: float
    tax: float
    ptratio: float
    b: float
    lstat: float
    def __init__(self, crim: _Optional[float] = ..., zn: _Optional[float] = ..., indus: _Optional[float] = ..., chas: _Optional[float] = ..., nox: _Optional[float] = ..., rm: _Optional[float] = ..., age: _Optional[float] = ..., dis: _Optional[float] = ..., rad: _Optional[float] = ..., tax: _Optional[float] = ..., ptratio: _Optional[float] = ..., b: _Optional[float] = ..., lstat: _Optional[float] = ...) -> None: ...

class Houses(_message.Message):
    __slots__ = ("instances",)
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[House]
    def __init__(self, instances: _Optional[_Iterable[_Union[House, _Mapping]]] = ...) -> None: ...

class Interval(_message.Message):
    __slots__ = ("low", "high", "coverage")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    coverage: float
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ..., coverage: _Optional[float] = ...) -> None: ...

class Warning(_message.Message):
    __slots__ = ("feature", "reason", "low", "high")
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    feature: str
    reason: str
    low: float
    high: float
    def __init__(self, feature: _Optional[str] = ..., reason: _Optional[str] = ..., low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ("prediction", "interval", "warnings", "model_name", "model_version", "features_used", "inference_time", "request_id")
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    FEATURES_USED_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_TIME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    prediction: float
    interval: Interval
    warnings: _containers.RepeatedCompositeFieldContainer[Warning]
    model_name: str
    model_version: str
    features_used: _containers.RepeatedScalarFieldContainer[str]
    inference_time: float
    request_id: str
    def __init__(self, prediction: _Optional[float] = ..., interval: _Optional[_Union[Interval, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[Warning, _Mapping]]] = ..., model_name: _Optional[str] = ..., model_version: _Optional[str] = ..., features_used: _Optional[_Iterable[str]] = ..., inference_time: _Optional[float] = ..., request_id: _Optional[str] = ...) -> None: ...

class Flaw(_message.Message):
    __slots__ = ("loc", "msg", "type")
    LOC_FIELD_NUMBER: _ClassVar[int]
    MSG_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    loc: _containers.RepeatedScalarFieldContainer[str]
    msg: str
    type: str
    def __init__(self, loc: _Optional[_Iterable[str]] = ..., msg: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "detail", "errors")
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    code: str
    detail: str
    errors: _containers.RepeatedCompositeFieldContainer[Flaw]
    def __init__(self, code: _Optional[str] = ..., detail: _Optional[str] = ..., errors: _Optional[_Iterable[_Union[Flaw, _Mapping]]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("price", "error")
    PRICE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    price: Price
    error: Error
    def __init__(self, price: _Optional[_Union[Price, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class Prices(_message.Message):
    __slots__ = ("outcomes", "model_name", "model_version", "features_used", "inference_time", "request_id")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    FEATURES_USED_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_TIME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    model_name: str
    model_version: str
    features_used: _containers.RepeatedScalarFieldContainer[str]
    inference_time: float
    request_id: str
    def __init__(self, outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ..., model_name: _Optional[str] = ..., model_version: _Optional[str] = ..., features_used: _Optional[_Iterable[str]] = ..., inference_time: _Optional[float] = ..., request_id: _Optional[str] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("prediction", "base_value", "contributions", "model_name", "model_version", "request_id")
    class ContributionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    BASE_VALUE_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    prediction: float
    base_value: float
    contributions: _containers.ScalarMap[str, float]
    model_name: str
    model_version: str
    request_id: str
    def __init__(self, prediction: _Optional[float] = ..., base_value: _Optional[float] = ..., contributions: _Optional[_Mapping[str, float]] = ..., model_name: _Optional[str] = ..., model_version: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class Sale(_message.Message):
    __slots__ = ("request_id", "row", "price")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    row: int
    price: float
    def __init__(self, request_id: _Optional[str] = ..., row: _Optional[int] = ..., price: _Optional[float] = ...) -> None: ...

class Sold(_message.Message):
    __slots__ = ("request_id", "row", "price", "replaced")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    row: int
    price: float
    replaced: bool
    def __init__(self, request_id: _Optional[str] = ..., row: _Optional[int] = ..., price: _Optional[float] = ..., replaced: _Optional[bool] = ...) -> None: ...
