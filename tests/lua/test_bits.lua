-- The same bits for any number of threads, from numbers to attacks: the program itself does the same
-- small work with --threads 1, 2, 3, 5, 16 and 64, and prints a hash of every array that came of it.
local lu = require "luaunit"
local perigee_program = os.getenv "PERIGEE"

local work = [==[
local function show(name, ...)
  local hash = 0xcbf29ce484222325
  for _, a in ipairs { ... } do
    for _, value in ipairs(array.new(a):reshape(-1):totable()) do
      hash = (hash ~ string.unpack("<i8", string.pack("<d", value))) * 0x100000001b3
    end
  end
  print(("%-12s %016x"):format(name, hash))
end

local digits = data.digits(400, { seed = 3 })
local known, test = digits:slice(1, 270), digits:slice(271, 400)
show("digits", digits.x:slice({ 301, 400 }), digits.y)

local a, b = array.randn({ 300, 240 }, { seed = 1 }), array.randn({ 240, 300 }, { seed = 2 })
show("products", a:matmul(b), a:transpose():matmul(a), b:slice(nil, 1))
show("reductions", a:mean(1), a:sum(2), { a:sum(), a:std(), a:norm() }, (a * 2):exp():sort(1))

local images, kernels = array.randn({ 40, 3, 9, 9 }, { seed = 1 }), array.randn({ 8, 3, 3, 3 }, { seed = 2 })
show("layers", images:conv2d(kernels, nil, { padding = 1 }), images:maxpool(2), images:softmax(2))
show("quantiles", a:percentile({ 10, 50 }, 1), a:median(2), a:logsumexp(1), a:softmax())

local net = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { out = 16, kernel = 5, stride = 2 }, nn.relu {},
  nn.conv2d { out = 16, kernel = 3, padding = 1 }, nn.relu {},
  nn.conv2d { out = 6, kernel = 3, stride = 2, padding = 1 }, nn.relu {}, nn.flatten {},
  nn.linear { out = 20 }, nn.relu {}, nn.dropout { p = 0.3 }, nn.linear { out = 10 },
}
local history = nn.train(net, known, {
  epochs = 2, batch = 100, lr = 0.05, shift = 1, seed = 1, validation = test,
})
show("training", history.loss, history.validation_loss)
show("net", net:scores(test.x), net:gradient(test.x, array.randn({ 130, 10 }, { seed = 4 })))

local blocks = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { out = 8, kernel = 5, stride = 3, bias = false }, nn.batchnorm {}, nn.relu {},
  nn.residual { nn.conv2d { out = 8, kernel = 3, padding = "same" }, nn.batchnorm {}, nn.relu {},
    nn.sequence { name = "apart", nn.conv2d { out = 8, kernel = 3, padding = 1, groups = 8 } } },
  nn.residual { nn.conv2d { out = 16, kernel = 3, padding = 1, stride = 2 }, nn.batchnorm {},
    shortcut = nn.conv2d { out = 16, kernel = 1, stride = 2 } },
  nn.relu {}, nn.global_avgpool {}, nn.linear { out = 10 },
}
history = nn.train(blocks, known, { epochs = 2, batch = 100, lr = 0.05, seed = 1 })
show("blocks", history.loss, blocks:scores(test.x), blocks:gradient(test.x, array.ones(130, 10)))
local fooled = attack.pgd { model = blocks, norm = "l2", dmax = 1, max_iter = 5 }:run(test:slice(1, 20))
show("blocks pgd", fooled.x_adv, fooled.scores, table.unpack(fooled.loss))

local rough = nn.layer {
  name = "rough", parameters = function(_, input) return { w = { input[1], 1, 1 } } end,
  forward = function(self, x) return (x + (self.training and self:random() or 0)):tanh() * self.w end,
}
local mixed = nn.new {
  input = { 1, 28, 28 }, seed = 1,
  nn.conv2d { out = 5, kernel = 6, stride = 3 }, rough(), nn.dropout { p = 0.2 }, nn.flatten {},
  nn.linear { out = 10 },
}
history = nn.train(mixed, known, { epochs = 2, batch = 100, lr = 0.05, shift = 1, seed = 1 })
show("own layer", history.loss, mixed:scores(test.x), mixed:gradient(test.x, array.ones(130, 10)))

local hardened = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten {}, nn.linear { out = 20 }, nn.relu {},
  nn.linear { out = 10 } }
nn.train(hardened, known, { epochs = 1, batch = 10, seed = 1 })
local hardening = nn.train(hardened, known, {
  epochs = 1, batch = 100, seed = 1, optimizer = "adam", clip = 0.5, augment = "crop", trades = 2,
  adversary = attack.pgd { norm = "l2", dmax = 1, max_iter = 3 },
})
show("hardening", hardening.loss, hardened:scores(test.x))

for _, solver in ipairs { "libsvm", "smo" } do
  local m = svm.new { kernel = svm.rbf(0.01), C = 1, solver = solver }:fit(known)
  show(solver, m:scores(test.x), m:scores(test.x:slice({ 1, 9 })),
    m:gradient(test.x, array.randn({ 130, 10 }, { seed = 5 })))
end
local found = svm.search { data = known, kernel = "rbf", C = { 0.1, 10 }, gamma = { 0.001, 0.1 }, seed = 1 }
show("search", found.table, { found.best.C, found.best.gamma })

local defence = dnr.new {
  net = net, layers = { "relu1", "relu2", "relu3" },
  layer_classifier = svm.new { kernel = svm.rbf(1e-2), C = 10 },
  combiner = svm.new { kernel = svm.rbf(1), C = 0.1 },
}
local tuned = dnr.tune(defence, known, {
  layers = { C = { 0.1, 10 }, gamma = { 0.001, 0.01 } }, combiner = { C = { 0.1, 1 } }, folds = 3, seed = 1,
})
for _, part in ipairs(tuned.parts) do
  show("tune " .. part.name, part.accuracy, part.spread, { part.best.C, part.best.gamma })
end
show("tuned", defence:scores(test.x))
defence:fit(known, { seed = 0 })
defence.threshold = defence:threshold_for(0.10, test)
show("dnr", { defence.threshold }, defence:scores(test.x),
  defence:gradient(test.x, array.randn({ 130, 11 }, { seed = 6 })))

local attacked = test:slice(1, 10)
local squeeze = reject.squeeze { model = net, squeezers = { "nlm 5 3 60" } }
show("squeeze", squeeze:scores(attacked), squeeze:gradient(attacked, array.randn({ 10, 11 }, { seed = 7 })))
for name, options in pairs {
  pgd = { norm = "l2", max_iter = 12 }, pgd_exp = { norm = "l2", max_iter = 8, start_from = known },
  apgd = { norm = "l1", max_iter = 12 }, fmn = { norm = "l1", max_iter = 12 },
  noise = { norm = "linf", seed = 3 }, fgsm = { norm = "linf" },
  ddn = { model = net, max_iter = 5 }, mifgsm = { model = net, norm = "linf", max_iter = 5 },
  halving = { model = net, norm = "l2", stages = { { steps = 3, classes = 2 } } },
  stairs = { model = net, norm = "l2" },
  matching = { model = net, guides = known, norm = "l2", max_iter = 4 },
  square = { model = net, norm = "l2", max_queries = 60, seed = 3 },
  hopskipjump = { model = net, norm = "l2", max_queries = 60, seed = 3 },
  transfer = { model = net, surrogate = blocks, norm = "l2", max_iter = 4 },
} do
  options.model, options.dmax = options.model or defence, 0.8
  local result = attack[name](options):run(attacked)
  show(name, result.x_adv, result.scores, table.unpack(result.loss))
end

local sweep = evaluate.security { models = { net = net }, data = test, samples = 12, seed = 1,
  attack = attack.pgd { norm = "l2", max_iter = 4 }, dmax = { 0, 0.8 }, block = 5, noise = false }
for _, row in ipairs(sweep:rows()) do
  show(("%s %s %g"):format(row.model, row.attack, row.dmax),
    { row.correct, row.evaded, row.rejected, row.robust, row.low, row.high, row.queries })
end
]==]

TestBits = {}

-- Sorted, because attacks come in any order.
local function run(script, threads)
  local pipe = io.popen(('"$PERIGEE" --quiet --threads %d \'%s\' 2>&1'):format(threads, script))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  local ok = pipe:close()
  table.sort(lines)
  local text = table.concat(lines, "\n")
  lu.assertTrue(ok, text)
  return text
end

function TestBits:test_any_number_of_threads()
  lu.skipIf(not perigee_program, "PERIGEE is not set")
  local script = os.tmpname()
  local file <close> = assert(io.open(script, "w"))
  file:write(work)
  file:flush()
  local first = run(script, 1)
  lu.assertStrContains(first, "dnr")
  for _, threads in ipairs { 2, 3, 5, 16, 64 } do
    lu.assertEquals(run(script, threads), first, ("--threads %d"):format(threads))
  end
  os.remove(script)
end
