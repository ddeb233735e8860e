-- 04_svm.lua — support vector machines: one against all, any of three kernels.

local train = data.digits(800, { seed = 1 })
local test = data.digits(400, { seed = 2 })

local linear = svm.new { kernel = svm.linear(), C = 0.1 }:fit(train)
local rbf = svm.new { kernel = svm.rbf(0.02), C = 10 }:fit(train)
for name, model in pairs { linear = linear, rbf = rbf } do
  print(("%-7s accuracy %.1f %%, %d support vectors"):format(name, 100 * metrics.accuracy(model, test),
    model.support))
end

-- Scores of a batch, a column a class; predictions are the labels themselves.
print(rbf:scores(test[1]))
print(rbf:predict(test:slice(1, 8)), test:slice(1, 8).y)

-- Hyperparameters by cross-validation, on one shared kernel matrix.
local found = svm.search {
  data = train, kernel = "rbf", C = { 1, 10 }, gamma = { 0.005, 0.02 }, folds = 3, seed = 1,
}
print(found)
