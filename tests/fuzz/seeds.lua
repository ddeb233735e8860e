-- seeds.lua — wrote tests/fuzz/corpus: small files of every kind, for the readers to be tried from.
--
--     build/perigee --quiet --threads 1 tests/fuzz/seeds.lua [FOLDER]
--
-- Each folder is a reader of tests/fuzz/readers. Files from other programs are copied from tests/reference.

local folder = arg[1] or "tests/fuzz/corpus"

local function path(reader, name) return ("%s/%s/%s"):format(folder, reader, name) end

local function write(reader, name, bytes)
  local file <close> = assert(io.open(path(reader, name), "wb"))
  file:write(bytes)
end

local function copy(reader, name, from)
  local file <close> = assert(io.open("tests/reference/readers/" .. from, "rb"))
  write(reader, name, file:read "a")
end

for line in io.lines "tests/fuzz/readers" do
  local reader = line:match "^(%l+)"
  if reader then assert(os.execute(("mkdir -p '%s/%s'"):format(folder, reader))) end
end

---------------------------------------------------------------------------------------------------
-- Arrays and datasets

local images = "\0\0\8\3" .. string.pack(">I4I4I4", 2, 1, 3) .. "abcdef"
local labels = "\0\0\8\1" .. string.pack(">I4", 2) .. "\1\7"
write("idx", "images", images)
write("idx", "labels", labels)
write("idx", "floats", "\0\0\13\2" .. string.pack(">I4I4ffff", 2, 2, 1, -2, 0.5, 3))
write("idx", "integers", "\0\0\12\1" .. string.pack(">I4i4i4", 2, 70000, -1))
for name, bytes in pairs { images = images, labels = labels } do
  write("gzip", name, bytes)
  assert(os.execute(("gzip -nf '%s'"):format(path("gzip", name))))
end

local arrays = {
  f32 = array.linspace(-1, 1, 6):reshape(2, 3), f64 = array.new({ 1 / 3, 1e300 }, { dtype = "f64" }),
  i32 = array.new({ { 1, -2 }, { 2147483647, -2147483648 } }, { dtype = "i32" }),
  empty = array.zeros(0, 3),
}
for name, value in pairs(arrays) do data.save_npy(path("npy", name), value) end
write("npy", "fortran", "\x93NUMPY\2\0" .. string.pack("<s4",
  "{'descr': '>f2', 'fortran_order': True, 'shape': (1, 2), }   \n") .. "abcd")
write("npy", "bool", "\x93NUMPY\1\0" .. string.pack("<s2",
  "{'descr': '|b1', 'fortran_order': False, 'shape': (), }   \n") .. "\1")
data.save_npz(path("npz", "stored"), arrays)
data.save_npz(path("npz", "deflated"), arrays, { compress = true })
for _, name in ipairs { "medmnist", "positional", "strange", "onehot" } do
  copy("npz", name, name .. ".npz")
end
data.save_safetensors(path("safetensors", "arrays"), arrays, { note = "text", other = "é" })

write("cifar", "ten", "\7" .. ("abcd"):rep(768))
write("cifar", "hundred", "\7\99" .. ("abcd"):rep(768))
write("csv", "plain", "a,b,label\n1,2,0\n-1e3,.5,1\n")
write("csv", "names", '"a;""1""";class\n1,5;"blue, dark"\n;red\nNA;red\n')
write("csv", "tabs", "1\t2\t3\r\n4\t5\t6\r\n")
write("svmlight", "from-one", "# features: 9\n+1 qid:3 2:0.5 7:-1.25 # a comment\n-1 1:1\n")
write("svmlight", "from-zero", "0 0:1e-3 5:7\n2\n")
for _, name in ipairs { "cat/a-rgb", "cat/c-rgba", "cat/d-grey-alpha", "dog/a-palette", "dog/b-bits" } do
  copy("png", name:match "[^/]+$", "colours/" .. name .. ".png")
end
copy("png", "deep", "greys/10/deep.png")
for _, name in ipairs { "c.jpg", "d-grey.jpeg", "e-progressive.jpg", "f-cmyk.jpg" } do
  copy("jpeg", name:match "[^.]+", "colours/dog/" .. name)
end

---------------------------------------------------------------------------------------------------
-- Models

local train = data.blobs(24, { centers = { { 0, 0 }, { 3, 3 }, { 0, 3 } }, seed = 1 })
local models = {}

models.svm = svm.new { kernel = svm.rbf(0.5), C = 1, weights = { [1] = 2 } }:fit(train)
models["svm-two"] = svm.new { kernel = svm.poly { gamma = 0.1, coef0 = 1, degree = 2 }, solver = "smo" }
  :fit(train:where { 0, 1 })
models["svm-unfitted"] = svm.new { kernel = svm.linear(), C = 3 }
models.knn = classic.knn({ k = 3, weights = "distance" }):fit(train)
models.logistic = classic.logistic({ C = 0.1 }):fit(train)
models.pipeline = classic.pipeline {
  classic.standard(), classic.pca { components = 1 }, classic.logistic { C = 1 },
}:fit(train)

local net = nn.new { input = { 2 }, seed = 1, nn.linear { out = 3 }, nn.relu(), nn.linear { out = 3 } }
nn.train(net, train, { epochs = 2, batch = 8, lr = 0.1, seed = 1 })
models.net = net
models["net-untrained"] = nn.new { input = { 2 }, classes = { 2, 3 }, seed = 4, nn.linear { out = 2 } }
models["net-pictures"] = nn.new {
  input = { 1, 6, 6 }, classes = { 0, 1 }, seed = 1,
  nn.conv2d { out = 2, kernel = { 3, 2 }, stride = { 2, 1 }, padding = { 1, 0 }, name = "conv" },
  nn.batchnorm {}, nn.elu {}, nn.maxpool { kernel = { 1, 2 }, stride = { 1, 2 } }, nn.layernorm {},
  nn.residual { name = "block", nn.conv2d { out = 2, kernel = 1 }, nn.leaky_relu {} },
  nn.global_avgpool {}, nn.dropout { p = 0.25 }, nn.linear { out = 2 },
}
models.nr = reject.new { model = models.svm }
models.nr.threshold = 0.25
models.layer = reject.layer { net = net, layer = "relu1", classifier = svm.new { kernel = svm.rbf(0.5) } }
models.layer:fit(train)
models.dnr = dnr.new {
  net = net, layers = { "relu1" }, layer_classifier = svm.new { kernel = svm.rbf(0.5), C = 1 },
  combiner = svm.new { kernel = svm.rbf(1), C = 1 },
}
models.dnr:fit(train:slice(1, 9), { folds = 2, seed = 1 })
models.confidence = reject.confidence { model = net, temperature = 2 }
models.energy = reject.energy { model = net }
models.density = reject.density { net = net, layer = "relu1", bandwidth = 1 }:fit(train:slice(1, 9))
models.mahalanobis = reject.mahalanobis { net = net, layers = { "relu1" } }:fit(train)
models.squeeze = reject.squeeze { model = models["net-pictures"], squeezers = { "median 2", "bits 1" } }
for name, model in pairs(models) do model:save(path("model", name)) end

---------------------------------------------------------------------------------------------------
-- Results

local victims = train:slice(1, 2)
local function found(name, samples, options)
  options.lower, options.upper = -9, 9
  return attack[name](options):run(samples)
end

local results = {
  pgd = found("pgd", victims, {
    model = net, norm = "l2", dmax = 1, eta = 0.5, max_iter = 2, restarts = 1, iterates = true, seed = 1,
  }),
  noise = found("noise", victims, { model = models.nr, norm = "l1", dmax = 5, seed = 1 }),
  fmn = found("fmn", train:where({ 0 }):slice(1, 2), {
    model = net, norm = "linf", max_iter = 2, target = 1,
  }),
}
for name, result in pairs(results) do result:save(path("result", name)) end

---------------------------------------------------------------------------------------------------
-- Sessions

local shared = { "shared" }
local everything = {
  integer = math.maxinteger, number = 0.1, huge = math.huge, nan = 0 / 0, text = "é\n", bytes = "\0\255",
  yes = true, list = { 1, 2.5, "three" }, floats = { 0.5, 1 / 3 }, integers = { 1, 2 }, [4] = "four",
  [2.5] = 1, [true] = "a boolean key", shared = shared, again = shared, kernel = svm.rbf(0.5), empty = {},
}
everything.within = everything
local untrained = models["net-untrained"]
local sessions = {
  tables = { everything = everything, two = 2 },
  objects = { a = arrays.f32, again = { arrays.f32 }, net = untrained, data = victims },
  attacks = {
    pgd = attack.pgd { model = models["svm-unfitted"], norm = "l2", dmax = 1 }, result = results.noise,
  },
  found = {
    report = metrics.report(models.svm, train),
    history = nn.train(untrained:clone(), train:where { 0, 1 }, { epochs = 2, batch = 8, lr = 0.1 }),
  },
}
for name, variables in pairs(sessions) do
  require("perigee.archive").write(path("session", name), variables)
end
