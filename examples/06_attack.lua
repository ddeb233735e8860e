-- 06_attack.lua — attacks run against any model, one written in Lua included.

-- A model is whatever has scores, a gradient and classes. This one knows two classes of points in the
-- plane, by their distance from two centres; it is called once a batch.
local centres = array.new { { 0.25, 0.25 }, { 0.75, 0.75 } }
local nearest = { classes = { 0, 1 }, features = 2 }

function nearest.scores(_, x) -- column c: −‖x − centre c‖²
  local columns = {}
  for c = 1, 2 do
    local away = x - centres[c]
    columns[c] = -(away * away):sum(2)
  end
  return array.stack(columns, 2)
end

function nearest.gradient(_, x, w) -- row i: the gradient of w[i] · scores(x[i])
  local total = array.zeros(#x, 2)
  for c = 1, 2 do
    total = total + (x - centres[c]) * w:slice(nil, { c, c }) * -2
  end
  return total
end

local points = data.new { x = { { 0.3, 0.2 }, { 0.7, 0.8 } }, y = { 0, 1 } }
for _, dmax in ipairs { 0.2, 0.4, 0.6 } do
  local pgd = attack.pgd { model = nearest, norm = "l2", dmax = dmax, eta = 0.05, max_iter = 50 }
  local result = pgd:run(points)
  print(("dmax %.1f: %s, %s"):format(dmax, result.verdict[1], result.verdict[2]))
end

-- The same words on a network.
local net = nn.new { input = { 1, 28, 28 }, seed = 1, nn.flatten {},
  nn.linear { out = 64 }, nn.relu {}, nn.linear { out = 10 } }
local train = data.digits(2000, { seed = 1 })
nn.train(net, train, { epochs = 3, batch = 50, lr = 0.02, momentum = 0.9, seed = 1 })
-- What an attack leaves is what this one has not found: attack.auto, several in turn, often finds more.
local digits = data.digits(50, { seed = 2 })
for _, make in ipairs { "fgsm", "pgd", "auto" } do
  local result = attack[make] { model = net, norm = "linf", dmax = 0.1 }:run(digits)
  local counts = result:counts()
  print(("%-5s correct %d, evaded %d of %d"):format(make, counts.correct, counts.evaded, #result))
end
