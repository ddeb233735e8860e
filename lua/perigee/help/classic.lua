-- Documentation of the library classic; see perigee/help.lua for the form.

local function field(name, kind, text, group)
  return { name = name, kind = "field", group = group, text = text, returns = { kind } }
end

local digits = [[
local ds, test = data.digits(200, { seed = 1 }), data.digits(50, { seed = 2 })
]]

local entries = {
  {
    name = "classic.knn", group = "Models",
    text = [[
The k nearest training samples vote (scikit-learn's KNeighborsClassifier). A class's score is its share of
the votes, which count alike or by 1 / distance; equal shares go to the lowest label. Distances are
Euclidean: for the cosine's order put classic.unit_norm before it.

Votes are constant almost everywhere, so their own gradient is of no use to anybody. What gradients are given
instead is the slope of a soft form, log Σ exp(-‖x - s‖² / softness) over a class's samples s less that over
all, and the model says gradient_is = "surrogate": attacks see their way, and judge by the votes as they are.
How far they get depends on the softness, which counts at once in a copy by :with; an attacker tries several.
With softness = 0 gradients are refused, and attack.auto goes by the scores alone.]],
    returns = { "knn", "a model, not fitted; fitting keeps the samples" },
    example = digits .. [[
local knn = classic.knn({ k = 3, weights = "distance" }):fit(ds)
print(knn, metrics.accuracy(knn, test))
local auto = attack.auto { model = knn, norm = "l2", dmax = 1 }
print(auto:run(test:slice(1, 2)))]],
    see = { "classic.pipeline", "classic.logistic", "attack.auto", "model:with" },
  },
  {
    name = "classic.logistic",
    text = [[
Multinomial logistic regression: ½ ‖W‖² + C Σ -log softmax(W x + b)[y] is made least over W and b (b is not
penalised), which is scikit-learn's LogisticRegression with its C. Of two classes one function f is learnt.
It is solved by Newton's method with conjugate gradients, in double; more quickly where the features have one
scale, as classic.standard gives them.

Scores are logits, whose softmax are the probabilities: W x + b, and of two classes -f/2 and f/2. An
interrupted fit leaves it as it was.]],
    returns = { "logistic", "a model, not fitted" },
    example = digits .. [[
local model = classic.logistic({ C = 0.1 }):fit(ds)
print(model, metrics.accuracy(model, test))
print(model:scores(test:slice(1, 2)):softmax(2))]],
    see = { "classic.pipeline", "classic.standard", "svm.new", "logistic.left" },
  },
  {
    name = "classic.pipeline",
    text = [[
Steps, and any model behind them: { step, …, model }. Fitting learns each step from what those before it make
of the samples, then fits the model to what the last one makes. Scores, gradients and ascents in the logarithm
go through all of them, so attacks move samples in the pipeline's own inputs: bounds and dmax are those of
what goes in.

Options stand under the steps' names ("pca.whiten"; of the second of a kind "pca2.whiten") and the model's
("model.C"); a step's count from the next fit on. A step by its name alone has its defaults. A model that
rejects may be inside, and a pipeline in an nr or a dnr. It is saved as a whole.]],
    params = { { "parts", "table", "a list: steps or their names, and last a model" } },
    returns = { "pipeline", "a model; fitted by :fit, or by :fit_steps where the model is fitted already" },
    example = digits .. [[
local model = classic.pipeline {
  classic.standard(), classic.pca { components = 20 },
  svm.new { kernel = svm.rbf(0.01), C = 10 },
}
model["model.C"] = 5
print(model:fit(ds), metrics.accuracy(model, test))
local pgd = attack.pgd { model = model, norm = "l2", dmax = 1, max_iter = 10 }
print(pgd:run(test:slice(1, 3)))]],
    see = { "classic.minmax", "classic.standard", "classic.unit_norm", "classic.pca", "pipeline:fit_steps",
      "reject.preprocess" },
  },
  field("knn.k", "integer", "How many neighbours vote.", "Fields and methods"),
  field("knn.weights", '"uniform"|"distance"', "How their votes count."),
  field("knn.softness", "number?", "The softness that was chosen; nil: it follows from the samples."),
  field("knn.fitted_softness", "number?", "The softness that counts; nil while not fitted."),
  field("knn.samples", "array?", "The training samples, read-only; nil while not fitted."),
  field("logistic.C", "number", "The losses' weight against the penalty."),
  field("logistic.tolerance", "number", "The gradient at which a fit is done."),
  field("logistic.max_iter", "integer", "How many steps a fit takes at most."),
  field("logistic.weight", "array?",
    "What was learnt, f64, functions × features, read-only: of two classes one; nil while unfitted."),
  field("logistic.b", "array?", "The functions' constants, f64; nil while not fitted."),
  field("logistic.left", "number?", [[
The largest entry of the objective's gradient, beside C n or 1, at which the fit ended: above tolerance it did
not converge, and printing the model says so. nil while not fitted.]]),
  field("pipeline.model", "model", "The model behind the steps."),
  field("pipeline.steps", "table", "The steps and their options: a list, which is a copy."),
  field("pipeline.learnt", "table?", [[
What each step learnt, a list of tables of arrays in f64: shift and scale of minmax and standard (y =
(x - shift) scale), and mean, matrix and variance of pca (y = matrix (x - mean)); with options, a table of
those that it learnt by, whatever was set since. nil before.]]),
  {
    name = "pipeline:fit_steps",
    text = [[
Learns the steps alone and leaves the model as it is: one that is fitted already, to what they make. One that
is trained by other means is trained on what :transform makes, and then the steps are learnt once more.]],
    params = { { "ds", "dataset", "samples" } },
    returns = { "pipeline", "itself" },
    example = digits .. [[
local net = nn.new { input = { 784 }, nn.linear { out = 10 } }
local model = classic.pipeline { classic.standard(), net }
model:fit_steps(ds)
nn.train(net, ds:with { x = model:transform(ds) }, { epochs = 1, seed = 1 })
print(metrics.accuracy(model:fit_steps(ds), test))]],
    see = { "pipeline:transform", "classic.pipeline" },
  },
  {
    name = "pipeline:transform",
    text = "What the steps make of samples, and the model is given: n × features, f32.",
    params = { { "x", "dataset|array", "samples" } },
    returns = { "array", "n × the features of the last step" },
    example = digits .. [[
local model = classic.pipeline {
  classic.pca { components = 2 }, classic.knn(),
}
model:fit(ds)
print(model:transform(test:slice(1, 3)))]],
    see = { "pipeline:fit_steps", "pipeline.learnt" },
  },
  {
    name = "pipeline:threshold_for",
    text = "The threshold that rejects the share p of these samples, for a model inside that rejects.",
    params = { { "p", "number", "the share to reject, 0 to 1" }, { "ds", "dataset|array", "the samples" } },
    returns = { "number", "the threshold" },
    example = digits .. [[
local inside = reject.new { model = classic.logistic():fit(ds) }
local model = classic.pipeline({ classic.minmax(), inside }):fit(ds)
model["model.threshold"] = model:threshold_for(0.1, test)
print(metrics.rejection_rate(model, test))]],
    see = { "nr:threshold_for", "classic.pipeline" },
  },
}

return {
  name = "classic",
  title = "Classical models and pipelines",
  summary = "Nearest neighbours, logistic regression, and pipelines of scalers, PCA and any model.",
  entries = entries,
}
