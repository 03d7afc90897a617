"""Pipelines of scikit-learn, LightGBM and XGBoost."""
import dataclasses

import numpy as np


@dataclasses.dataclass
class Fitted:
    model: object
    rows: np.ndarray
    convert: str = "skl"
    options: dict = None

    def write(self, path):
        rows = self.rows[:7]
        if self.convert == "skl":
            from skl2onnx import convert_sklearn
            from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType

            kinds = {"f": FloatTensorType, "i": Int64TensorType, "U": StringTensorType, "O": StringTensorType}
            kind = DoubleTensorType if rows.dtype == np.float64 else kinds[rows.dtype.kind]
            made = convert_sklearn(self.model, initial_types=[("X", kind([None, rows.shape[1]]))],
                                   options={id(self.model): self.options} if self.options else None,
                                   target_opset={"": 21, "ai.onnx.ml": 3})
        else:
            from onnxmltools import convert_lightgbm, convert_xgboost
            from onnxmltools.convert.common.data_types import FloatTensorType

            convert = convert_lightgbm if self.convert == "lightgbm" else convert_xgboost
            made = convert(self.model, initial_types=[("X", FloatTensorType([None, rows.shape[1]]))], target_opset=15)
        path.write_bytes(made.SerializeToString())
        return [rows]


def data(classes=3, rows=150, columns=6, kind=np.float32):
    random = np.random.RandomState(1)
    x = random.randn(rows, columns).astype(kind)
    y = (np.abs(x[:, 0] * 2 + x[:, 1] * x[:, 2]) * classes / 4).astype(int) % classes
    return x, y


def classifier(build, classes=3, positive=False, options=None, labels=None, kind=np.float32):
    def make():
        x, y = data(classes, kind=kind)
        x = np.abs(x) if positive else x
        y = np.array(labels)[y] if labels else y
        return Fitted(build().fit(x, y), x, options=options)

    return make


def regressor(build, targets=1, kind=np.float32):
    def make():
        x, _ = data(kind=kind)
        y = np.stack([np.sin(x[:, k]) + x[:, k + 1] for k in range(targets)], 1)
        return Fitted(build().fit(x, y if targets > 1 else y[:, 0]), x)

    return make


def transformer(build, positive=False):
    def make():
        x, y = data()
        x = np.abs(x) if positive else x
        return Fitted(build().fit(x, y), x)

    return make


def boosted(package, kind, classes):
    def make():
        x, y = data(max(classes, 2))
        if package == "lightgbm":
            import lightgbm as lib

            options = dict(n_estimators=10, num_leaves=7, verbose=-1, n_jobs=1)
            model = lib.LGBMClassifier(**options) if kind == "classifier" else lib.LGBMRegressor(**options)
        else:
            import xgboost as lib

            options = dict(n_estimators=10, max_depth=3, n_jobs=1)
            model = lib.XGBClassifier(**options) if kind == "classifier" else lib.XGBRegressor(**options)
        return Fitted(model.fit(x, y if kind == "classifier" else x[:, 0] + y), x, package)

    return make


def categories():
    from sklearn.preprocessing import OneHotEncoder

    rows = np.array([["red", "a"], ["green", "b"], ["blue", "a"], ["red", "c"]] * 3, dtype=object)
    return Fitted(OneHotEncoder(handle_unknown="ignore").fit(rows), rows)


def ordinals():
    from sklearn.preprocessing import OrdinalEncoder

    rows = np.array([["red", "a"], ["green", "b"], ["blue", "a"], ["red", "c"]] * 3, dtype=object)
    return Fitted(OrdinalEncoder().fit(rows), rows)


def integers():
    from sklearn.preprocessing import OneHotEncoder

    rows = np.random.RandomState(2).randint(0, 4, (40, 3)).astype(np.int64)
    return Fitted(OneHotEncoder(handle_unknown="ignore").fit(rows), rows)


def missing():
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    x, y = data()
    x[::3, 1] = np.nan
    return Fitted(make_pipeline(SimpleImputer(), LogisticRegression()).fit(x, y), x)


def build_all():
    from sklearn import (cluster, cross_decomposition, decomposition, discriminant_analysis, ensemble, feature_selection, gaussian_process, linear_model, mixture,
                         multiclass, naive_bayes, neighbors, neural_network, pipeline, preprocessing, svm, tree, calibration, compose, kernel_approximation, random_projection)

    many = pipeline.make_pipeline
    scaled = preprocessing.StandardScaler
    found = {
        "logistic": classifier(linear_model.LogisticRegression), "logistic-binary": classifier(linear_model.LogisticRegression, 2),
        "logistic-strings": classifier(linear_model.LogisticRegression, labels=["ant", "bee", "cat"]),
        **{f"{n}-strings": classifier(f, labels=["ant", "bee", "cat"]) for n, f in {
            "tree": lambda: tree.DecisionTreeClassifier(max_depth=4), "forest": lambda: ensemble.RandomForestClassifier(5, max_depth=4), "svc": svm.SVC,
            "knn": neighbors.KNeighborsClassifier, "mlp": lambda: neural_network.MLPClassifier((8,), max_iter=20), "nb": naive_bayes.GaussianNB}.items()},
        "logistic-array": classifier(linear_model.LogisticRegression, options={"zipmap": False}), "logistic-columns": classifier(linear_model.LogisticRegression, options={"zipmap": "columns"}),
        "logistic-scaled": classifier(lambda: many(scaled(), linear_model.LogisticRegression())), "logistic-double": classifier(linear_model.LogisticRegression, kind=np.float64),
        "sgd": classifier(linear_model.SGDClassifier), "sgd-log": classifier(lambda: linear_model.SGDClassifier(loss="log_loss")), "ridge-classifier": classifier(linear_model.RidgeClassifier), "perceptron": classifier(linear_model.Perceptron), "passive": classifier(linear_model.PassiveAggressiveClassifier),
        "svc": classifier(svm.SVC), "svc-probability": classifier(lambda: svm.SVC(probability=True)), "svc-poly": classifier(lambda: svm.SVC(kernel="poly"), 2), "svc-sigmoid": classifier(lambda: svm.SVC(kernel="sigmoid")), "svc-linear": classifier(lambda: svm.SVC(kernel="linear")), "nusvc": classifier(lambda: svm.NuSVC(nu=0.1)), "linear-svc": classifier(svm.LinearSVC), "oneclass": transformer(svm.OneClassSVM),
        "svr": regressor(svm.SVR), "nusvr": regressor(svm.NuSVR), "linear-svr": regressor(svm.LinearSVR),
        "tree": classifier(lambda: tree.DecisionTreeClassifier(max_depth=5)), "tree-regressor": regressor(lambda: tree.DecisionTreeRegressor(max_depth=5)), "tree-multi": regressor(lambda: tree.DecisionTreeRegressor(max_depth=4), 2), "extra-tree": classifier(lambda: tree.ExtraTreeClassifier(max_depth=5)),
        "forest": classifier(lambda: ensemble.RandomForestClassifier(10, max_depth=5)), "forest-regressor": regressor(lambda: ensemble.RandomForestRegressor(10, max_depth=5)), "extra-trees": classifier(lambda: ensemble.ExtraTreesClassifier(10, max_depth=5)), "forest-double": classifier(lambda: ensemble.RandomForestClassifier(10, max_depth=5), kind=np.float64),
        "gradient": classifier(lambda: ensemble.GradientBoostingClassifier(n_estimators=10)), "gradient-binary": classifier(lambda: ensemble.GradientBoostingClassifier(n_estimators=10), 2), "gradient-regressor": regressor(lambda: ensemble.GradientBoostingRegressor(n_estimators=10)), "hist": classifier(lambda: ensemble.HistGradientBoostingClassifier(max_iter=10)), "hist-regressor": regressor(lambda: ensemble.HistGradientBoostingRegressor(max_iter=10)),
        "adaboost": classifier(lambda: ensemble.AdaBoostClassifier(n_estimators=5)), "adaboost-regressor": regressor(lambda: ensemble.AdaBoostRegressor(n_estimators=5)), "bagging": classifier(lambda: ensemble.BaggingClassifier(n_estimators=4)), "voting": classifier(lambda: ensemble.VotingClassifier([("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=3))], voting="soft")), "voting-hard": classifier(lambda: ensemble.VotingClassifier([("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=3))])), "stacking": classifier(lambda: ensemble.StackingClassifier([("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=3))])), "isolation": transformer(lambda: ensemble.IsolationForest(n_estimators=5)),
        "knn": classifier(neighbors.KNeighborsClassifier), "knn-distance": classifier(lambda: neighbors.KNeighborsClassifier(3, weights="distance")), "knn-regressor": regressor(neighbors.KNeighborsRegressor), "radius": classifier(lambda: neighbors.RadiusNeighborsClassifier(5.0)), "centroid": classifier(neighbors.NearestCentroid), "lof": transformer(lambda: neighbors.LocalOutlierFactor(novelty=True)), "knn-imputer": None,
        "gaussian-nb": classifier(naive_bayes.GaussianNB), "multinomial-nb": classifier(naive_bayes.MultinomialNB, positive=True), "bernoulli-nb": classifier(naive_bayes.BernoulliNB), "complement-nb": classifier(naive_bayes.ComplementNB, positive=True),
        "mlp": classifier(lambda: neural_network.MLPClassifier((16, 8), max_iter=20)), "mlp-binary": classifier(lambda: neural_network.MLPClassifier((16,), max_iter=20, activation="tanh"), 2), "mlp-regressor": regressor(lambda: neural_network.MLPRegressor((16,), max_iter=20, activation="logistic"), 2),
        "lda": classifier(discriminant_analysis.LinearDiscriminantAnalysis), "qda": classifier(discriminant_analysis.QuadraticDiscriminantAnalysis),
        "gpc": classifier(gaussian_process.GaussianProcessClassifier), "gpr": regressor(gaussian_process.GaussianProcessRegressor, kind=np.float64), "gmm": transformer(lambda: mixture.GaussianMixture(3)), "bayes-gmm": transformer(lambda: mixture.BayesianGaussianMixture(n_components=3)),
        "kmeans": transformer(lambda: cluster.KMeans(3, n_init=1)), "minibatch-kmeans": transformer(lambda: cluster.MiniBatchKMeans(3, n_init=1)),
        "onevsrest": classifier(lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression())), "onevsone": classifier(lambda: multiclass.OneVsOneClassifier(linear_model.LogisticRegression())), "calibrated": classifier(lambda: calibration.CalibratedClassifierCV(linear_model.LogisticRegression(), cv=2)),
        "linear": regressor(linear_model.LinearRegression), "ridge": regressor(linear_model.Ridge), "lasso": regressor(linear_model.Lasso), "elastic": regressor(linear_model.ElasticNet), "linear-multi": regressor(linear_model.LinearRegression, 3), "poisson": None, "bayesian-ridge": regressor(linear_model.BayesianRidge), "huber": regressor(linear_model.HuberRegressor), "ransac": regressor(linear_model.RANSACRegressor), "tweedie": None, "quantile": regressor(linear_model.QuantileRegressor), "pls": regressor(lambda: cross_decomposition.PLSRegression(2), 2),
        "scaler": transformer(scaled), "minmax": transformer(preprocessing.MinMaxScaler), "maxabs": transformer(preprocessing.MaxAbsScaler), "robust": transformer(preprocessing.RobustScaler), "normalizer": transformer(preprocessing.Normalizer), "normalizer-l1": transformer(lambda: preprocessing.Normalizer("l1")), "normalizer-max": transformer(lambda: preprocessing.Normalizer("max")), "binarizer": transformer(preprocessing.Binarizer), "kbins": transformer(lambda: preprocessing.KBinsDiscretizer(3, encode="ordinal", quantile_method="averaged_inverted_cdf")), "kbins-onehot": transformer(lambda: preprocessing.KBinsDiscretizer(3, encode="onehot-dense", quantile_method="averaged_inverted_cdf")), "polynomial": transformer(lambda: preprocessing.PolynomialFeatures(2)), "power": transformer(preprocessing.PowerTransformer), "quantile-transform": transformer(lambda: preprocessing.QuantileTransformer(n_quantiles=20)), "spline": None, "onehot-strings": categories, "ordinal-strings": ordinals, "onehot-integers": integers, "impute": missing,
        "pca": transformer(lambda: decomposition.PCA(3)), "whiten": transformer(lambda: decomposition.PCA(3, whiten=True)), "svd": transformer(lambda: decomposition.TruncatedSVD(3)), "kernel-pca": transformer(lambda: decomposition.KernelPCA(3, kernel="rbf")), "ica": transformer(lambda: decomposition.FastICA(3)), "nmf": None, "incremental-pca": transformer(lambda: decomposition.IncrementalPCA(3)), "select": transformer(lambda: feature_selection.SelectKBest(k=3)), "variance": transformer(feature_selection.VarianceThreshold), "projection": transformer(lambda: random_projection.GaussianRandomProjection(3)), "rbf": None,
        "pca-svm": classifier(lambda: many(scaled(), decomposition.PCA(4), svm.SVC())), "union": classifier(lambda: many(pipeline.make_union(scaled(), decomposition.PCA(2)), linear_model.LogisticRegression())), "columns": classifier(lambda: many(compose.ColumnTransformer([("a", scaled(), [0, 1, 2]), ("b", preprocessing.MinMaxScaler(), [3, 4])]), linear_model.LogisticRegression())),
    }
    for package in ("lightgbm", "xgboost"):
        found[f"{package}"] = boosted(package, "classifier", 3)
        found[f"{package}-binary"] = boosted(package, "classifier", 2)
        found[f"{package}-regressor"] = boosted(package, "regressor", 0)
    return {f"sk/{k}": v for k, v in found.items() if v}


MODELS = build_all()
