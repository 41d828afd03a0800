"""All tools, what each says to each kind of target, and what to use instead. The page is made of this list."""

from . import composition, inspection, plumbing, validation
from .kinds import OF_CLASSES, OF_NUMBERS
from .outcomes import Note, Tool

MIXED = ("mixed", "mixed_missing")
MISSING = ("numbers_missing", "classes_missing", "mixed_missing")
FOR_NUMBERS = (*OF_NUMBERS, *MIXED)
FOR_CLASSES = (*OF_CLASSES, *MIXED)

NAN = Note("ValueError", "Input …contains NaN")
ONE_DIMENSION = Note("ValueError", "y should be a 1d array, got an array of shape (48, 2) instead.")
TWO_DIMENSIONS = Note("ValueError", "y must have at least two dimensions for multi-output regression but has only one.")
NO_ORDER = Note("TypeError", "'<' not supported between instances of 'str' and 'float'")
NO_ORDER_EITHER = Note("TypeError", "'>=' not supported between instances of 'float' and 'str'")
NOT_A_FLOAT = Note("ValueError", "could not convert string to float: …")
NO_SUM = Note("TypeError", "unsupported operand type(s) for +: 'int' and 'str'")
NO_TUPLE = Note("IndexError", "tuple index out of range")
NO_CLASSES = Note("AttributeError", "'MultiTaskEstimator' object has no attribute 'classes_'")
NO_COEFFICIENTS = Note(
    "ValueError", "the underlying estimator … should have `coef_` or `feature_importances_` attribute"
)
NOT_OF_DICT = Note("AttributeError", "'dict' object has no attribute 'shape'")
NOT_OF_DICT_EITHER = Note("TypeError", "float() argument must be a string or a real number, not 'dict'")
UNEQUAL_WIDTHS = Note("ValueError", "setting an array element with a sequence. … inhomogeneous shape")
TARGET_MIX = Note("ValueError", "Classification metrics can't handle a mix of multiclass-multioutput and … targets")
NOT_MULTILABEL = Note("ValueError", "Only binary classification is supported. Unknown label type: multilabel-indicator")
NOT_BINARY = Note("ValueError", "The target y is not binary. Got multilabel-indicator type of target.")
NO_BINARY_CLASSIFIER = Note(
    "ValueError", "Expected 'estimator' to be a binary classifier. Got MultiTaskEstimator instead."
)
ONLY_CLASSIFIERS = Note("ValueError", "ConfusionMatrixDisplay.from_estimator only supports classifiers")
UNKNOWN_LABELS = Note("ValueError", "Unknown label type: …")
NOT_STRATIFIED = Note("ValueError", "Supported target types are: ('binary', 'multiclass'). Got … instead.")
ONE_MEMBER = Note("ValueError", "The least populated classes in y have only 1 member, which is too few.")
NO_VOTES = Note("NotImplementedError", "Multilabel and multi-output classification are not supported.")
NOT_BINARIZED = Note("ValueError", "Multioutput target data is not supported with label binarization")
NO_DEPENDENCE = Note("ValueError", "Multiclass-multioutput estimators are not supported")
NEITHER = Note("ValueError", "'estimator' must be a fitted regressor or classifier.")
NO_BOUNDARY = Note("ValueError", "Multi-output regressors are not supported")
NO_BOUNDARIES = Note("ValueError", "Multi-label and multi-output multi-class classifiers are not supported")
KEY = Note("KeyError", "0")
A_CLASS_OF_ITS_OWN = Note(None, "Missing labels become a class of their own, without a word.")
NO_LINE = Note(None, "The line on which predictions are right is not drawn.")

KFOLD = "`cv=MultiTaskStratifiedKFold(3)` of `skmtl.model_selection`, or any other splitter"
STRATIFIED = "`MultiTaskStratifiedKFold` of `skmtl.model_selection`"
BY_COLUMN = "the tool on one column of y at a time"
MEMBERS = "`n_estimators`: members that hold out different rows, averaged inside"
ITSELF = "the estimator itself: it takes all columns at once"
DRAW = "`.from_predictions(y[:, task], probabilities[task][:, 1])`"

VALIDATION = [
    Tool(name, attempt, splitter={NAN: ("classes_missing",)}, instead=KFOLD, takes_cv=True, **more)
    for name, attempt, more in (
        ("cross_validate", validation.cross_validating, {}),
        ("cross_val_score", validation.cross_scoring, {}),
        ("cross_val_predict", validation.cross_predicting, {}),
        ("learning_curve", validation.learning_curves, {}),
        ("validation_curve", validation.validation_curves, {}),
        ("permutation_test_score", validation.permutation_test, {}),
        ("GridSearchCV", validation.grid_search, {}),
        ("RandomizedSearchCV", validation.randomized_search, {}),
        ("HalvingGridSearchCV", validation.halving_grid_search, {"slow": True}),
        ("HalvingRandomSearchCV", validation.halving_random_search, {"slow": True}),
        ("OptunaSearchCV", validation.optuna_search, {"needs": ("optuna", "optuna-integration")}),
        ("SequentialFeatureSelector", composition.sequential_selector, {}),
        ("Pipeline, in a search", composition.pipeline, {}),
        ("LearningCurveDisplay", inspection.learning_curve_display, {}),
        ("ValidationCurveDisplay", inspection.validation_curve_display, {}),
    )
]

PROBABILITIES = Tool(
    'cross_val_predict, method="predict_proba"',
    validation.cross_predicting_probabilities,
    kinds=FOR_CLASSES,
    refused={NOT_OF_DICT: MIXED},
    wrong={A_CLASS_OF_ITS_OWN: ("classes_missing",)},
    instead="`oof_prediction_` of the fitted model, or a loop over the splits",
    takes_cv=True,
)

SCORING = [
    Tool(
        'scoring="r2"',
        validation.scoring_r2,
        kinds=FOR_NUMBERS,
        refused={NAN: ("numbers_missing",), NOT_A_FLOAT: MIXED},
        instead='`scoring=get_scorer("r2")` of `skmtl.metrics`',
    ),
    Tool(
        'scoring="accuracy"',
        validation.scoring_accuracy,
        kinds=FOR_CLASSES,
        refused={TARGET_MIX: ("classes",), NAN: ("classes_missing",), NO_ORDER: MIXED},
        instead='`scoring=get_scorer("accuracy")` of `skmtl.metrics`',
    ),
    Tool(
        'scoring="neg_log_loss"',
        validation.scoring_log_loss,
        kinds=FOR_CLASSES,
        refused={UNEQUAL_WIDTHS: ("classes", "classes_missing"), NOT_OF_DICT_EITHER: MIXED},
        instead='`scoring=get_scorer("neg_log_loss")` of `skmtl.metrics`',
    ),
    Tool(
        'scoring="roc_auc_ovr"',
        validation.scoring_roc_auc,
        kinds=FOR_CLASSES,
        refused={UNEQUAL_WIDTHS: ("classes",), NAN: ("classes_missing",), NO_ORDER: MIXED},
        instead='`scoring=get_scorer("roc_auc")` of `skmtl.metrics`',
    ),
    Tool(
        "StratifiedKFold",
        validation.stratified_folds,
        kinds=FOR_CLASSES,
        refused={NOT_STRATIFIED: ("classes",), NAN: ("classes_missing", "mixed_missing"), NO_ORDER: ("mixed",)},
        instead=STRATIFIED,
    ),
    Tool(
        "train_test_split, stratify=y",
        validation.stratified_parts,
        kinds=FOR_CLASSES,
        refused={ONE_MEMBER: ("mixed",), NAN: ("classes_missing", "mixed_missing")},
        instead="`train_test_split` of `skmtl.model_selection`",
    ),
    Tool("GroupKFold", validation.grouped_folds),
]

COMPOSITION = [
    Tool("ColumnTransformer in front", composition.column_transformer),
    Tool("skrub.TableVectorizer in front", composition.table_vectorizer, needs=("skrub",)),
    Tool("FeatureUnion over transform", composition.feature_union),
    Tool("set_output", composition.set_output),
    Tool("FrozenEstimator", composition.frozen),
    Tool(
        "TransformedTargetRegressor",
        composition.transformed_target,
        kinds=FOR_NUMBERS,
        refused={NAN: ("numbers_missing",), NOT_A_FLOAT: MIXED},
        instead='nothing: targets are standardised inside; `loss="gamma"` or `"poisson"` for skewed ones',
    ),
    Tool(
        "StackingRegressor",
        composition.stacking_regressor,
        kinds=FOR_NUMBERS,
        refused={ONE_DIMENSION: ("numbers", "numbers_missing", *MIXED)},
        instead="`transform`, as features of another estimator",
        takes_cv=True,
    ),
    Tool(
        "StackingClassifier",
        composition.stacking_classifier,
        kinds=FOR_CLASSES,
        refused={ONE_DIMENSION: ("classes",), NAN: ("classes_missing",), NO_ORDER: MIXED},
        instead="`transform`, as features of another estimator",
        takes_cv=True,
    ),
    Tool(
        "VotingRegressor",
        composition.voting_regressor,
        kinds=FOR_NUMBERS,
        refused={ONE_DIMENSION: ("numbers", "numbers_missing", *MIXED)},
        instead=MEMBERS,
    ),
    Tool(
        "VotingClassifier",
        composition.voting_classifier,
        kinds=FOR_CLASSES,
        refused={NO_VOTES: ("classes",), NAN: ("classes_missing",), NO_ORDER: MIXED},
        instead=MEMBERS,
    ),
    Tool(
        "BaggingRegressor",
        composition.bagging_regressor,
        kinds=FOR_NUMBERS,
        refused={NAN: ("numbers_missing", "mixed_missing"), NO_SUM: ("mixed",)},
        instead=MEMBERS,
    ),
    Tool(
        "BaggingClassifier",
        composition.bagging_classifier,
        kinds=FOR_CLASSES,
        refused={ONE_DIMENSION: ("classes", "mixed"), NAN: ("classes_missing", "mixed_missing")},
        instead=MEMBERS,
    ),
    Tool(
        "AdaBoostRegressor",
        composition.ada_boost,
        kinds=FOR_NUMBERS,
        refused={ONE_DIMENSION: ("numbers", "numbers_missing", *MIXED)},
        instead=MEMBERS,
    ),
    Tool(
        "MultiOutputRegressor",
        composition.multi_output_regressor,
        kinds=FOR_NUMBERS,
        refused={TWO_DIMENSIONS: ("number",), NAN: ("numbers_missing", "mixed_missing")},
        instead=ITSELF,
    ),
    Tool(
        "MultiOutputClassifier",
        composition.multi_output_classifier,
        kinds=FOR_CLASSES,
        refused={
            TWO_DIMENSIONS: ("class",),
            NAN: ("classes_missing", "mixed_missing"),
            NO_ORDER: ("mixed",),
        },
        instead=ITSELF,
    ),
    Tool(
        "RegressorChain",
        composition.regressor_chain,
        kinds=FOR_NUMBERS,
        refused={NO_TUPLE: ("number",), NAN: ("numbers_missing", "mixed_missing"), NOT_A_FLOAT: ("mixed",)},
        instead=ITSELF,
    ),
    Tool(
        "ClassifierChain",
        composition.classifier_chain,
        kinds=FOR_CLASSES,
        refused={NO_TUPLE: ("class",), NAN: ("classes_missing", "mixed_missing"), NO_CLASSES: ("mixed",)},
        instead=ITSELF,
    ),
    Tool(
        "OneVsRestClassifier",
        composition.one_vs_rest,
        kinds=FOR_CLASSES,
        refused={NOT_BINARIZED: ("classes",), NAN: ("classes_missing",), NO_ORDER: MIXED},
        instead=ITSELF,
    ),
    Tool(
        "CalibratedClassifierCV",
        composition.calibrated,
        kinds=FOR_CLASSES,
        refused={ONE_DIMENSION: ("classes",), NAN: ("classes_missing",), NO_ORDER: MIXED},
        instead=BY_COLUMN,
        takes_cv=True,
        two_classes=True,
    ),
    Tool(
        "TunedThresholdClassifierCV",
        validation.tuned_threshold,
        kinds=FOR_CLASSES,
        refused={NOT_MULTILABEL: ("classes",), NAN: ("classes_missing",), NO_ORDER: MIXED},
        instead=BY_COLUMN,
        takes_cv=True,
        two_classes=True,
    ),
    Tool(
        "RFE",
        composition.recursive_elimination,
        refused={NO_COEFFICIENTS: ("number", "numbers", "class", "classes", "mixed"), NAN: MISSING},
        instead="`SequentialFeatureSelector`, or `permutation_importance` of `skmtl.inspection`",
    ),
]

INSPECTION = [
    Tool(
        "permutation_importance",
        inspection.permuted,
        instead="for each task: `permutation_importance` of `skmtl.inspection`",
    ),
    Tool(
        "partial_dependence",
        inspection.dependence,
        refused={NO_DEPENDENCE: ("classes", "classes_missing"), NEITHER: MIXED},
        instead="the tool on a model of one task",
    ),
    Tool(
        "PartialDependenceDisplay",
        inspection.dependence_display,
        refused={UNEQUAL_WIDTHS: ("classes", "classes_missing"), NEITHER: MIXED},
        instead="the tool on a model of one task",
    ),
    Tool(
        "DecisionBoundaryDisplay",
        inspection.decision_boundary,
        refused={
            NO_BOUNDARY: ("numbers", "numbers_missing"),
            NO_BOUNDARIES: ("classes", "classes_missing"),
            KEY: MIXED,
        },
        instead="the tool on a model of one task",
    ),
    Tool(
        "PredictionErrorDisplay",
        inspection.prediction_error_display,
        kinds=FOR_NUMBERS,
        refused={NO_ORDER_EITHER: MIXED},
        wrong={NO_LINE: ("numbers_missing",)},
        instead="`PredictionErrorDisplay` of `skmtl.inspection`: a picture per task",
    ),
    Tool(
        "ConfusionMatrixDisplay",
        inspection.confusion_matrix_display,
        kinds=FOR_CLASSES,
        refused={UNKNOWN_LABELS: ("classes",), NAN: ("classes_missing",), ONLY_CLASSIFIERS: MIXED},
        instead="`ConfusionMatrixDisplay` of `skmtl.inspection`: a picture per task",
    ),
    *(
        Tool(
            name,
            attempt,
            kinds=FOR_CLASSES,
            refused={NOT_BINARY: ("classes",), NAN: ("classes_missing",), NO_BINARY_CLASSIFIER: MIXED},
            instead=DRAW,
            two_classes=True,
        )
        for name, attempt in (
            ("RocCurveDisplay", inspection.roc_curve_display),
            ("PrecisionRecallDisplay", inspection.precision_recall_display),
            ("DetCurveDisplay", inspection.det_curve_display),
            ("CalibrationDisplay", inspection.calibration_display),
        )
    ),
]

PLUMBING = [
    Tool("clone", plumbing.cloned),
    Tool("pickle", plumbing.pickled),
    Tool("joblib.dump and load", plumbing.dumped),
    Tool("metadata routing of sample_weight", plumbing.routed_weights),
    Tool("metadata routing of groups", plumbing.routed_groups),
    Tool("joblib, threads", plumbing.threading),
    Tool("joblib, loky processes", plumbing.loky, slow=True),
    Tool("joblib, dask backend", plumbing.dask_backend, needs=("distributed",), slow=True),
    Tool("dask futures", plumbing.dask_futures, needs=("distributed",), slow=True),
]

SECTIONS = {
    "Validation and searches": [*VALIDATION, PROBABILITIES],
    "Scorers and splitters": SCORING,
    "Composition": COMPOSITION,
    "Inspection and pictures": INSPECTION,
    "Copies, metadata and parallel work": PLUMBING,
}
TOOLS = [tool for tools in SECTIONS.values() for tool in tools]
