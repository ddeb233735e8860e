#!/usr/bin/env python3
"""What scikit-learn learns and answers, which lua/test_classic.lua compares the library classic with.

    /usr/bin/python3 tests/reference/sklearn/make.py

writes known.npz (samples: digits of 8 x 8 pixels, 0 to 1), and for each of the answers an array in
expected.npz. Samples are multiples of 1/16, which float32 holds.
"""
import os

import numpy as np
import scipy.linalg
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC

HERE = os.path.dirname(os.path.abspath(__file__))

digits, labels = load_digits(return_X_y=True)
digits, labels = digits / 16, labels.astype(np.int32)
x, y, test = digits[:150], labels[:150], digits[150:170]
pair = (y == 3) | (y == 8)
x2, y2 = x[pair], y[pair]
out = {}

for k in (1, 4):
    for weights in ("uniform", "distance"):
        knn = KNeighborsClassifier(n_neighbors=k, weights=weights).fit(x, y)
        out["knn_%s_%d" % (weights, k)] = knn.predict_proba(test)
        out["knn_%s_%d_self" % (weights, k)] = knn.predict_proba(x[:10])

for C in (0.1, 10):
    name = "logistic_%g" % C
    model = LogisticRegression(C=C, tol=1e-7, max_iter=10000, solver="newton-cg").fit(x, y)
    out[name + "_coef"], out[name + "_b"] = model.coef_, model.intercept_
    out[name] = model.decision_function(test)
model = LogisticRegression(C=2, tol=1e-7, max_iter=10000, solver="newton-cg").fit(x2, y2)
out["logistic_two_coef"], out["logistic_two_b"] = model.coef_, model.intercept_
out["logistic_two"] = model.decision_function(test)
out["logistic_two_probability"] = model.predict_proba(test)


def signed(pca):
    """The entry of the largest magnitude of each component positive, as from version 1.5 on."""
    rows = np.arange(len(pca.components_))
    sign = np.sign(pca.components_[rows, np.abs(pca.components_).argmax(1)])
    pca.components_ *= sign[:, None]
    return pca


for name, step in (("minmax", MinMaxScaler(feature_range=(-1, 2))), ("standard", StandardScaler()),
                   ("centred", StandardScaler(with_std=False)), ("l1", Normalizer("l1")),
                   ("l2", Normalizer("l2")), ("max", Normalizer("max"))):
    out[name] = step.fit(x).transform(test)
for name, rows, options in (("pca", x, dict(n_components=12)), ("few", x[:40], dict(n_components=12)),
                            ("whitened", x, dict(n_components=12, whiten=True))):
    pca = signed(PCA(svd_solver="full", **options).fit(rows))
    out[name], out[name + "_variance"] = pca.transform(test), pca.explained_variance_
    out[name + "_components"] = pca.components_

chain = make_pipeline(StandardScaler(), PCA(n_components=10, svd_solver="full"), Normalizer(),
                      LogisticRegression(C=5, tol=1e-7, max_iter=10000, solver="newton-cg"))
out["chain"] = chain.fit(x, y).decision_function(test)
chain = make_pipeline(MinMaxScaler(), KNeighborsClassifier(3))
out["chain_knn"] = chain.fit(x, y).predict_proba(test)

# The same machines as perigee.svm, by their arrays.
many = OneVsRestClassifier(SVC(kernel="rbf", gamma=0.5, C=10, tol=1e-6)).fit(x, y)
out["ovr_sv"] = np.concatenate([m.support_vectors_ for m in many.estimators_]).astype("f4")
out["ovr_alpha"] = scipy.linalg.block_diag(*[m.dual_coef_ for m in many.estimators_])
out["ovr_b"] = np.array([m.intercept_[0] for m in many.estimators_])
out["ovr"] = many.decision_function(test)
two = SVC(kernel="poly", gamma="scale", degree=2, coef0=1, C=1).fit(x2, y2)
out["two_sv"], out["two_alpha"] = two.support_vectors_.astype("f4"), two.dual_coef_
out["two_b"], out["two_gamma"] = two.intercept_, np.array([two._gamma])
out["two"] = two.decision_function(test)
linear = LinearSVC(C=1, max_iter=100000).fit(x, y)
out["linear_alpha"], out["linear_b"] = linear.coef_, linear.intercept_
out["linear"] = linear.decision_function(test)

fold = np.arange(150) * 7 % 5
out["fold"] = fold.astype(np.int32)
splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]
out["folds_knn"] = cross_val_score(KNeighborsClassifier(3), x, y, cv=splits)
out["folds_logistic"] = cross_val_score(
    LogisticRegression(C=1, tol=1e-8, max_iter=10000, solver="newton-cg"), x, y, cv=splits)

np.savez_compressed(os.path.join(HERE, "known.npz"), x=x.astype("f4"), y=y, test=test.astype("f4"))
np.savez_compressed(os.path.join(HERE, "expected.npz"), **out)
