-- Documentation of the library svm; see perigee/help.lua for the form.

local function field(name, kind, text, group)
  return { name = "svm." .. name, kind = "field", group = group, text = text, returns = { kind } }
end

local example_data = [[
local x = array.randn(40, 2, { seed = 1 })
local ds = data.new { x = x, y = x:prod(2):gt(0) }
]]

local entries = {
  {
    name = "svm.new",
    text = [[
A support vector classifier, not fitted yet: one-vs-all with any kernel. The score of class c is Σ
alpha[c][i] k(sv[i], x) + b[c]; with two classes there is one function f and the scores are (−f, f).

:fit trains all classes side by side on one kernel matrix: 12 bytes for each pair of n samples
with libsvm and a cache besides, 4 with the solver "smo", 5 from 8000 samples on. Of 1500 samples or more
libsvm is given those that matter to a class, half at most (smo tells roughly which), until its answer meets
the conditions on all; only where they are more than half the whole 12 bytes are used. Above 32000, or with a
smaller `memory`, smo makes no whole matrix: it solves each class on the samples that matter, in rounds, and
computes values where they are needed. Under mpirun the ranks share the classes' problems. More than there is
memory for is refused with the arithmetic. Where memory runs out in spite of it, "smo" raises an error; libsvm
does not look and would end the program, so what it needs is asked for first, and one class is trained at a
time where there is not enough for all.

If it is interrupted the classifier stays as it was. "smo" looks for Ctrl-C in each of its rounds. libsvm has
no means of being stopped, not even through the function that prints its progress: Ctrl-C is answered when
the classes at work are done, which can take seconds; the program says so, and a second Ctrl-C ends it.]],
    returns = { "svm", "a model: scores, predict, gradient, fit, set, get, clone, save" },
    example = example_data .. [[
local m = svm.new { kernel = svm.rbf(0.5), C = 10 }:fit(ds)
print(m)
print(m:scores(ds[1]), m.support)]],
    see = { "svm.search", "svm.rbf", "svm.kernel", "svm.from", "dnr.new" },
  },
  {
    name = "svm.from",
    text = [[
A fitted classifier from its numbers: sv is m × features, alpha classes × m, b one number a class,
in the order of `classes`, which must rise. With two classes alpha may have one row and b one number:
the function of the second class. The numbers are copied.

scikit-learn's machines come by their arrays. Perigee's are one-vs-all, so the estimator of many classes is
OneVsRestClassifier(SVC(…)) or LinearSVC; an SVC by itself is one-vs-one (whatever its
decision_function_shape), which only of two classes is the same. In Python, for m = OneVsRestClassifier(
SVC(kernel="rbf", gamma=0.05, C=10)).fit(x, y), with x as float32 as here:

  e = m.estimators_
  numpy.savez("m.npz", sv=numpy.concatenate([s.support_vectors_ for s in e]).astype("f4"),
              alpha=scipy.linalg.block_diag(*[s.dual_coef_ for s in e]),
              b=numpy.concatenate([s.intercept_ for s in e]))

and here: local e = data.read_npz "m.npz"; svm.from { sv = e.sv, alpha = e.alpha, b = e.b,
classes = { … }, kernel = svm.rbf(0.05) }, where classes are m.classes_. Of an SVC of two classes the arrays
are support_vectors_, dual_coef_ and intercept_; of gamma="scale" the number is its _gamma; a poly kernel has
degree and coef0. LinearSVC has coef_ and intercept_: sv = array.eye(features), alpha = coef_,
kernel = svm.linear(). Its decision_function gives the scores, of two classes the second one's.]],
    returns = { "svm", "a fitted model" },
    example = [[
local m = svm.from {
  sv = { { 0, 0 }, { 1, 1 } }, alpha = { { -1, 1 } }, b = { 0 },
  classes = { 3, 8 }, kernel = svm.rbf(1),
}
print(m:predict(array.new { 0.9, 0.9 }))]],
    see = { "svm.new", "svm.sv" },
  },
  {
    name = "svm.search",
    text = [[
Chooses C and gamma by cross-validation: every pair of values is trained on all folds but one and
judged on that one. The distances between samples are computed once, the kernel matrix once for each
gamma (which the ranks share under mpirun). The first of equally good pairs wins. Prints as a table of
accuracies; its fields are best (C, gamma), accuracy, table (an array, C × gamma), C, gamma, seed, model.]],
    returns = { "table", "{ best, accuracy, table, C, gamma, seed, model }" },
    example = example_data .. [[
local found = svm.search {
  data = ds, C = { 1, 10 }, gamma = { 0.1, 1 }, seed = 1,
}
print(found)
print(found.best.C, found.model)]],
    see = { "svm.new", "dnr.tune" },
  },
  {
    name = "svm.kernel", group = "Kernels",
    text = [[
A kernel of one's own: a function of x (n × features) and s (m × features), read-only and float32, that
answers the n × m values k(x[i], s[j]). In a table it may have a name, parameters (numbers; the function finds
them in its third argument, and they are options: "kernel.gamma") and `gradient`, a function of x, s, slope
(n × m) and the parameters that answers, n × features, the gradient with respect to x of the sum of slope · k.
Without one the gradient follows from the function's own array operations, as by grad.vjp.

It works wherever a kernel does: svm.new and svm.from, both solvers, svm.search and dnr.tune (over a parameter
named gamma), NR, DNR, attacks. The function is called with whole batches, never by a worker thread; fitting
tries a few pairs first: a kernel is symmetric, and its values are numbers. The directions "smooth" of attacks
see a parameter named gamma divided by the smoothing; "log" knows the built-in rbf alone, and goes along
the gradient here.

A file keeps the kernel's name and parameters, not its code: perigee.load wants a kernel of that name in the
session, so run what defines it first. Defining a name anew is for the classifiers made from then on; kernel =
"mine" stands for the newest of that name.

Of a classifier, m.kernel is its kernel's parameters by name, a copy that cannot be written: they change by
m:set { ["kernel.gamma"] = 0.1 }, and count from the next fit on, or in a copy by m:with.]],
    params = {
      { "kernel", "function|table", 'function(x, s) … end, or { function, name = "mine", gamma = 1, … }' },
    },
    returns = { "kernel", "a table of its name and parameters, as of any kernel" },
    example = example_data .. [[
local laplace = svm.kernel {
  function(x, s, p)
    local values = {}
    for j = 1, #s do values[j] = (x - s[j]):abs():sum(2) end
    return (array.stack(values, 2) * -p.gamma):exp()
  end,
  name = "laplace", gamma = 0.5,
}
print(laplace)
print(svm.new({ kernel = laplace }):fit(ds))]],
    see = { "svm.rbf", "svm.new", "model:with", "perigee.load" },
  },
  field("C", "number", "The penalty.", "Fields of a classifier"),
  field("tolerance", "number", "The violation at which the solver stops."),
  field("weights", '"balanced"|table|nil', "The weights, as svm.new took them."),
  field("solver", "string", 'The solver, "libsvm" or "smo". svm.solver, the library\'s, is the session\'s: '
    .. 'what svm.new and svm.search take where none is said. svm.solver = "smo" changes it, as --solver smo '
    .. "does."),
  field("support", "integer", "How many support vectors there are; 0 while not fitted."),
  field("support_per_class", "integer[]?",
    "How many there are of each class, in the order of classes; nil while not fitted."),
  field("unsolved", "integer", [[
How many binary problems of the fit, those without a fold too, the solver has given up at its limit of
iterations (10⁷, or 100 a sample where that is more) or where rounding lets it come no closer, before the
tolerance; print says so. Features of very unlike sizes do that: scale them, classic.standard for one.]]),
  field("sv", "array?", "Support vectors of any class, m × features, read-only; nil while not fitted."),
  field("alpha", "array?", [[
Their coefficients, signs included, functions × m: a function a class, of two classes one. nil while not
fitted.]]),
  field("b", "array?", "The functions' constants; nil while not fitted."),
}

return {
  name = "svm",
  title = "Support vector machines",
  summary = "Kernels, one-vs-all classifiers, and the search for C and gamma.",
  entries = entries,
}
