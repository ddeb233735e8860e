-- kinds.lua — every kind of file that the program writes: how to save one, by the file's name. For checks of
-- what becomes of an old file when a save fails (saves.lua, full.lua) or is killed (killed.lua).
--
--   kinds.objects(seed)  what there is to be saved: { net =, svm =, … }
--   kinds.saves[name]    { save = function(objects, path), of = its names in the help, picture =, … };
--                        `whole` where a second save gives other bytes: whether that content is a whole file;
--                        `slow` where thousands of saves take too long;
--                        `varies` where that of other objects of the same seed does (seconds, a path);
--                        `grows` where a second save of the same objects goes on with the file
--   kinds.names          their names, sorted
--   kinds.missing()      what the help says of files that are written, and no kind is of

local session = require "perigee.session"

local kinds = { saves = {}, names = {} }
local saves = kinds.saves

-- ---- Objects -------------------------------------------------------------------------------------

local function models(seed, digits, net)
  local machine = svm.new { solver = "smo", weights = { [3] = 2 } }
  local made = {
    net = net, nr = reject.new { model = net, threshold = 0.5 },
    dnr = dnr.new { net = net, layers = { "relu" }, layer_classifier = machine, combiner = machine },
    layer = reject.layer { net = net, layer = "relu", classifier = machine:clone() },
    svm = machine:clone(), knn = classic.knn { k = 1 + seed }, logistic = classic.logistic { C = seed },
    pipeline = classic.pipeline { classic.pca { components = 3 }, classic.logistic() },
    confidence = reject.confidence { model = net, threshold = seed },
    energy = reject.energy { model = net, threshold = seed },
    density = reject.density { net = net, layer = "relu", bandwidth = seed },
    mahalanobis = reject.mahalanobis { net = net, layers = { "relu" } },
    squeeze = reject.squeeze { model = net, squeezers = { "bits " .. seed } },
  }
  for _, name in ipairs { "dnr", "layer", "svm", "knn", "logistic", "pipeline", "density", "mahalanobis" } do
    made[name]:fit(digits, name == "dnr" and { seed = 1 } or nil)
  end
  return made
end

function kinds.objects(seed)
  local digits = data.digits(60, { seed = seed })
  local net = nn.new {
    input = { 1, 28, 28 }, seed = seed, nn.conv2d { out = 1, kernel = 5, stride = 6 },
    nn.relu { name = "relu" }, nn.flatten {}, nn.linear { out = 10 },
  }
  local history = nn.train(net, digits, { epochs = 1, seed = 1 })
  local made = models(seed, digits, net)
  made.history = history
  made.known, made.digits, made.x = digits, digits:slice(1, 2), array.rand(3, 4, { seed = seed })
  local pgd = attack.pgd { model = net, norm = "l2", dmax = 1, max_iter = 3 }
  made.result = pgd:run(digits:slice(1, 1 + seed), { seed = 1 })
  made.security = evaluate.security { models = { net = net }, attack = attack.fgsm { norm = "l2" },
    data = digits:slice(1, 4), dmax = { 0, seed }, seed = 1, noise = false }
  made.diagnosis = evaluate.diagnose(made.result)
  local function mean(v) return v:mean() end
  made.interval = metrics.bootstrap(mean, { 0.1, 2, seed }, { draws = 9, seed = 1 })
  return made
end

-- ---- Saves ---------------------------------------------------------------------------------------

local function add(name, of, save, more)
  local kind = more or {}
  kind.of, kind.save = of, save
  saves[name] = kind
  kinds.names[#kinds.names + 1] = name
end

add("x.npy", "data.save_npy", function(o, path) data.save_npy(path, o.x) end)
add("x.npz", "data.save_npz",
  function(o, path) data.save_npz(path, { x = o.x, y = o.x }, { compress = true }) end)
add("x.safetensors", "data.save_safetensors",
  function(o, path) data.save_safetensors(path, { x = o.x }, { note = "text" }) end)
for _, ending in ipairs { "npz", "csv", "svm" } do
  add("digits." .. ending, "dataset:save", function(o, path) o.digits:save(path) end)
end
for _, kind in ipairs { "net", "svm", "nr", "dnr", "layer", "knn", "logistic", "pipeline", "confidence",
  "energy", "density", "mahalanobis", "squeeze" } do
  add(kind .. ".safetensors", "model:save", function(o, path) o[kind]:save(path) end)
end

-- Records are written by one code (perigee/records.lua): two kinds of them do for all, and those that have a
-- part of it to themselves.
for method, ending in pairs { save = "pgz", csv = "csv", json = "json", latex = "tex", npz = "npz" } do
  for kind, of in pairs { result = "result", security = "security", interval = "record" } do
    local form = kind == "result" and method == "save" and "safetensors" or ending
    local function save(o, path) o[kind][method](o[kind], path) end
    add(("%s.%s"):format(kind, form), ("%s:%s"):format(of, method), save, { varies = kind == "security" })
  end
end
add("diagnosis.csv", { "diagnosis:csv", "tuning:csv" }, function(o, path) o.diagnosis:csv(path) end)
add("history.json", "record:json", function(o, path) o.history:json(path) end, { varies = true })
add("report.html", "evaluate.report",
  function(o, path) evaluate.report({ o.security, o.result }, path) end,
  { picture = true, varies = true, slow = true })
add("session.pgz", "save", function(o, path)
  rawset(_G, "kept", { o.x, o.digits, o.svm, o.result, "text", { 1, 1 / 3 } })
  session.save(path, "kept")
end)

-- Has a second of its training: other bytes each time.
local function is_training(content)
  local size = #content > 8 and ("<I8"):unpack(content)
  local header = size and size < #content and content:sub(9, 8 + size)
  local last = 0
  for stop in (header or ""):gmatch '"data_offsets":%[%d+,(%d+)%]' do
    last = math.max(last, tonumber(stop))
  end
  return last > 0 and #content == 8 + size + last
end
add("training.safetensors", { "nn.train", "net:fit" }, function(o, path)
  local file = io.open(path, "rb")
  local epochs = file and 2 or 1
  if file then file:close() end
  nn.train(o.net:clone(), o.known, { epochs = epochs, seed = 1, checkpoint = path })
end, { whole = is_training, grows = true })

-- A date is in a PDF.
local function is_pdf(content)
  return content:find "^%%PDF%-" ~= nil and content:sub(-300):find "%%%%EOF" ~= nil
end
for _, ending in ipairs { "png", "svg", "pdf", "tex", "html", "gp" } do
  add("loss." .. ending, "figure:script",
    function(o, path) plot.loss({ 3, 2, o.x:sum() }, { file = path }) end,
    { picture = ending ~= "gp", varies = ending == "gp", whole = ending == "pdf" and is_pdf or nil })
end
add("figure.png", "figure:save",
  function(o, path) plot.figure():line({ 1, 2, o.x:sum() }):save(path) end,
  { picture = true })
add("images.png", "plot.images", function(o, path) plot.images(o.digits, { file = path }) end,
  { picture = true })

-- What is kept in a folder: killed.lua and full.lua have a way of their own for it.
local elsewhere = { ["evaluate.security"] = true }

table.sort(kinds.names)

-- ---- Is it all? ----------------------------------------------------------------------------------

local function writes(entry)
  for _, param in ipairs(entry.params or {}) do
    if param[1] == "path" and entry.text:find "[Ww]rites?%f[%W]" then return true end
  end
  for _, option in ipairs(entry.options or {}) do
    if option[1] == "checkpoint" or option[1] == "file" and not entry.name:find "^plot%." then return true end
  end
  return false
end

function kinds.missing()
  local known, list = {}, {}
  for _, kind in pairs(saves) do
    for _, name in ipairs(type(kind.of) == "table" and kind.of or { kind.of }) do known[name] = true end
  end
  for _, module in ipairs(require("perigee.help").all()) do
    for _, entry in ipairs(module.entries) do
      local covered = known[entry.name] or elsewhere[entry.name]
      if writes(entry) and not covered then list[#list + 1] = entry.name end
    end
  end
  return table.concat(list, " ")
end

return kinds
