-- ??words: what somebody types who knows the thing by another name, and the entry that must be among the
-- first three.
local lu = require "luaunit"
local help = require "perigee.help"
local words = require "perigee.help.words"

local wanted = {
  -- NumPy, MATLAB
  ["vstack"] = "array.concatenate", ["hstack"] = "array.concatenate", ["argmax"] = "array.argmax",
  ["boolean indexing"] = "array.compress", ["mask"] = "array.compress", ["tolist"] = "array.totable",
  ["astype float"] = "array.astype", ["normal distribution"] = "array.randn", ["numel"] = "array.size",
  ["matrix multiplication"] = "array.matmul", ["np.load"] = "data.npy", ["savez"] = "data.save_npz",
  ["reproducible"] = "seed", ["whos"] = "who", ["tic toc"] = "time",
  ["theme"] = "plot.figure", ["markup"] = "plot.figure", ["greek"] = "plot.figure",
  ["np.linalg.solve"] = "array.solve", ["eigenvalues"] = "array.eigh", ["quantile"] = "array.percentile",
  ["frombuffer"] = "array.frombytes", ["inverse"] = "array.inv", ["diagonal"] = "array.diag",
  ["take_along_axis"] = "array.gather",
  -- PyTorch
  ["one_hot"] = "array.onehot", ["F.relu"] = "array.relu", ["max_pool2d"] = "array.maxpool",
  ["F.conv2d"] = "array.conv2d", ["log_softmax"] = "array.softmax", ["F.linear"] = "array.linear",
  ["DataLoader"] = "dataset:batches", ["epochs"] = "nn.train", ["unsqueeze"] = "array.expand_dims",
  ["clamp"] = "array.clip", ["Sequential"] = "nn.new", ["state_dict"] = "net:weights",
  ["learning rate"] = "nn.train",
  ["convolution"] = "nn.conv2d", ["pretrained weights"] = "net:load_weights", ["manual_seed"] = "seed",
  -- scikit-learn
  ["train_test_split"] = "dataset:split", ["GridSearchCV"] = "svm.search", ["predict_proba"] = "model:scores",
  ["confusion_matrix"] = "metrics.confusion", ["ROC"] = "metrics.roc", ["roc_auc_score"] = "metrics.auc",
  ["f1_score"] = "metrics.f1", ["classification report"] = "metrics.report", ["support vectors"] = "svm.sv",
  -- Foolbox, CleverHans, ART
  ["cleverhans"] = "attack.judge", ["ART"] = "attack.judge", ["fgsm"] = "attack.fgsm",
  ["fast gradient sign"] = "attack.fgsm", ["AutoAttack"] = "attack.auto", ["carlini wagner"] = "attack.fmn",
  ["epsilon"] = "attack.pgd", ["radius budget"] = "attack.pgd", ["adversarial"] = "attack.judge",
  ["success rate"] = "result:counts", ["transferability"] = "result:rescore",
  ["black box"] = "attack.square", ["decision based"] = "attack.hopskipjump",
  ["gradient masking"] = "evaluate.diagnose", ["outlier"] = "reject.new",
  ["security curve"] = "evaluate.security",
  -- stems
  ["rejecting"] = "reject.new", ["train"] = "nn.train", ["training"] = "nn.train",
  ["perturbations"] = "attack.fmn",
  ["shuffled"] = "dataset:shuffle", ["plotting decisions"] = "plot.decision",
  ["saving a model"] = "model:save",
  -- pictures
  ["save plot"] = "figure:save", ["how do I save a figure to a file"] = "figure:save",
  ["savefig"] = "figure:save",
  ["histogram"] = "figure:histogram", ["imshow"] = "show", ["learning curve"] = "plot.loss",
  ["xlim"] = "figure.xrange",
  ["latex table"] = "security:latex",
  -- misspelt
  ["confuson matrx"] = "metrics.confusion", ["treshold"] = "nr:threshold_for",
  ["transpoze"] = "array.transpose",
  ["rejekt"] = "reject.new", ["atack"] = "plot.attack",
}

TestSearch = {}

function TestSearch:test_the_first_three()
  local missed = {}
  for query, name in pairs(wanted) do
    local all, near = help.search(query)
    local list = #all > 0 and all or near
    local is_there = false
    local names = {}
    for i = 1, math.min(3, #list) do
      names[i] = list[i].name
      is_there = is_there or names[i] == name
    end
    if not is_there then missed[#missed + 1] = ("%s: %s"):format(query, table.concat(names, " ")) end
  end
  table.sort(missed)
  lu.assertEquals(table.concat(missed, "\n"), "")
end

function TestSearch:test_the_name_comes_first()
  lu.assertEquals(help.search("mean")[1].name, "array.mean")
  lu.assertEquals(help.search("pgd")[1].name, "attack.pgd")
  lu.assertEquals(help.search("wilson")[1].name, "metrics.wilson")
  for _, entry in ipairs(help.search "ans") do lu.assertNotEquals(entry.name, "array.transpose") end
end

-- What has not all of the words, what is misspelt and what nobody knows.
function TestSearch:test_the_nearest_are_always_named()
  local all, near = help.search "histogram of xyzzyx"
  lu.assertEquals(#all, 0)
  lu.assertEquals(near[1].name, "figure:histogram")
  local mended
  all, near, mended = help.search "transpoze"
  lu.assertEquals({ all[1].name, #near, mended }, { "array.transpose", 0, { "transpoze → transpose" } })
  -- another word is no misspelling: what comes near is named as that
  for _, query in ipairs { "imagenet", "wavelets", "qwertyuiop", "the", "nothere" } do
    all, near, mended = help.search(query)
    lu.assertEquals({ #all, #mended }, { 0, 0 }, query)
    lu.assertTrue(#near > 0, query)
  end
  lu.assertEquals(select(3, help.search "epslion"), { "epslion → epsilon" })
  for _, query in ipairs { "", "  ", "(", "%", "[" } do
    all, near = help.search(query)
    lu.assertEquals(#all + #near, 0)
  end
  lu.assertTrue(#help.search "learn%" > 0) -- no patterns
end

function TestSearch:test_words_are_of_entries()
  for name in pairs(words.of) do lu.assertEquals((help.find(name) or {}).name, name) end
end

-- A member that is not there is known by its other name.
function TestSearch:test_what_it_is_called_here()
  lu.assertErrorMsgContains("did you mean concatenate?", function() return array.vstack end)
  lu.assertErrorMsgContains("did you mean expand_dims?", function() return array.zeros(2).unsqueeze end)
  lu.assertErrorMsgContains("did you mean zeros?", function() return array.zeross end)
end
