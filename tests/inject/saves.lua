-- saves.lua FOLDER LIBRARY — files of all kinds saved again and again, each time without memory at another
-- request (failing_malloc.c, which is preloaded). What is then in the file has to be the old content or the
-- new one. Speaks TAP.

local folder, library = arg[1], arg[2]
local fail = assert(package.loadlib(library, "failing_malloc"))
local session = require "perigee.session"

local function objects(seed)
  local digits = data.digits(60, { seed = seed })
  local net = nn.new {
    input = { 1, 28, 28 }, seed = seed, nn.conv2d { out = 1, kernel = 5, stride = 6 },
    nn.relu { name = "relu" }, nn.flatten {}, nn.linear { out = 10 },
  }
  nn.train(net, digits, { epochs = 1, seed = 1 })
  local machine = svm.new { solver = "smo", weights = { [3] = 2 } }
  local defence = dnr.new { net = net, layers = { "relu" }, layer_classifier = machine, combiner = machine }
  defence:fit(digits, { seed = 1 })
  local pgd = attack.pgd { model = net, norm = "l2", dmax = 1, max_iter = 3 }
  machine = machine:clone()
  machine:fit(digits)
  return {
    x = array.rand(3, 4, { seed = seed }), digits = digits:slice(1, 2),
    net = net, svm = machine, dnr = defence, nr = reject.new { model = net, threshold = 0.5 },
    result = pgd:run(digits:slice(1, 2), { seed = 1 }),
  }
end

-- A way to save an object, by the name of the file.
local saves = {
  ["x.npy"] = function(o, path) data.save_npy(path, o.x) end,
  ["x.npz"] = function(o, path) data.save_npz(path, { x = o.x, y = o.x }, { compress = true }) end,
  ["x.safetensors"] = function(o, path) data.save_safetensors(path, { x = o.x }, { note = "text" }) end,
  ["result.csv"] = function(o, path) o.result:csv(path) end,
  ["session.pgz"] = function(o, path)
    rawset(_G, "kept", { o.x, o.digits, o.svm, o.result, "text", { 1, 1 / 3 } })
    session.save(path, "kept")
  end,
}
for _, kind in ipairs { "net", "svm", "nr", "dnr", "result" } do
  saves[kind .. ".safetensors"] = function(o, path) o[kind]:save(path) end
end

local function content(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

local old, new = objects(1), objects(2)

-- Saves `new` over the old file, without memory for `count` requests from the n-th on: what is wrong then,
-- or nil; and whether there were as many requests.
local function try(save, path, before, after, n, count)
  write(path, before)
  fail(n, count)
  local ok, message = pcall(save, new, path)
  local reached = fail() >= n
  local found = content(path)
  if found ~= before and found ~= after then
    return ("request %d of %d: the file is destroyed"):format(n, count), reached
  elseif ok and found ~= after then
    return ("request %d of %d: success is reported, and nothing saved"):format(n, count), reached
  elseif not ok and (type(message) ~= "string" or not message:find "[Mm]emory"
    and not message:find "Malloc failure") then
    return ("request %d of %d: %s"):format(n, count, message), reached
  end
  return nil, reached
end

local names = {}
for name in next, saves do names[#names + 1] = name end
table.sort(names)
print("1.." .. #names)
for i, name in ipairs(names) do
  local path, save, wrong, requests = folder .. "/" .. name, saves[name], nil, 0
  save(old, path)
  local before = content(path)
  save(new, path)
  local after = content(path)
  for _, count in ipairs { 1, 30 } do
    local n, reached = 0, before ~= after
    while reached and not wrong do
      n = n + 1
      wrong, reached = try(save, path, before, after, n, count)
    end
    requests = requests + n
  end
  if not wrong and requests < 6 then wrong = "requests were not counted" end
  print(("%s %d %s: %d requests%s"):format(wrong and "not ok" or "ok", i, name, requests,
    wrong and "\n#   " .. wrong or ""))
end
