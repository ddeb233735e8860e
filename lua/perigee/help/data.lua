-- Documentation of the library data and of datasets; see perigee/help.lua for the form.

-- Examples work on a dozen samples of 2 × 2.
local small = [[
local ds = data.new {
  x = array.rand(12, 4, { seed = 1 }), shape = { 2, 2 },
  y = { 5, 3, 9, 5, 3, 9, 5, 3, 9, 5, 3, 9 },
}
]]

-- A file that the example removes again.
local with_file = [[
local path = os.tmpname()
]]

local function field(name, kind, text)
  return { name = "dataset." .. name, kind = "field", text = text, returns = { kind } }
end

local seed = { "seed", "integer", "the session's", "of what is drawn" }

local entries = {
  {
    name = "data.mnist", group = "Samples",
    text = [[
MNIST: 60000 images for training or 10000 for testing, 28 × 28 in [0, 1], labels 0 to 9. Its IDX files, gzip
or not, are looked for in $PERIGEE_DATA/mnist, then in data/mnist under the working folder, then in
$XDG_DATA_HOME/perigee/mnist (~/.local/share/perigee/mnist). scripts/get-mnist downloads them. A file that is
missing, cut short or not what it should be is an error that names it. { store = "u8" } keeps its bytes as
bytes, in a quarter of the memory (?dataset).]],
    params = { { "part", '"train"|"test"?', '"train" if left out' } },
    returns = { "dataset", "in file order" },
    example = [[
local test = data.has_mnist() and data.mnist("test") or data.digits(100)
print(test)]],
    see = { "data.has_mnist", "data.digits", "data.idx" },
  },
  {
    name = "data.has_mnist",
    text = "Whether data.mnist would find both parts.",
    returns = { "boolean", "true if the files are there" },
    example = 'print(data.has_mnist() and "real digits" or "built-in ones")',
    see = { "data.mnist", "data.find_mnist" },
  },
  {
    name = "data.find_mnist",
    text = "Where a part of MNIST lies.",
    params = { { "part", '"train"|"test"?', '"train" if left out' } },
    returns = { "string?", "the folder; or nil and a message that names the folders searched" },
    example = 'print(data.find_mnist("test"))',
    see = { "data.mnist" },
  },
  {
    name = "data.fashion_mnist",
    text = [[
Fashion-MNIST (clothes), in MNIST's form: 60000 images for training or 10000 for testing, 28 × 28 in [0, 1],
labels 0 to 9. Looked for where data.mnist looks, in folders called fashion-mnist; scripts/get-data
fashion-mnist downloads it.]],
    params = { { "part", '"train"|"test"?', '"train" if left out' } },
    returns = { "dataset, table", "in file order; what the classes are called, { [label] = name }" },
    example = 'print(pcall(data.fashion_mnist, "test"))',
    see = { "data.kmnist", "data.mnist", "data.idx" },
  },
  {
    name = "data.kmnist",
    text = [[
KMNIST (Kuzushiji: cursive Japanese letters), in MNIST's form: 60000 images for training or 10000 for testing,
28 × 28 in [0, 1], labels 0 to 9. Looked for where data.mnist looks, in folders called kmnist;
scripts/get-data kmnist downloads it.]],
    params = { { "part", '"train"|"test"?', '"train" if left out' } },
    returns = { "dataset, table", "in file order; what the classes are called, { [label] = name }" },
    example = 'print(pcall(data.kmnist, "test"))',
    see = { "data.fashion_mnist", "data.mnist", "data.idx" },
  },
  {
    name = "data.cifar10",
    text = [[
CIFAR-10: 50000 images for training or 10000 for testing, 3 × 32 × 32 (red, green, blue) in [0, 1], labels
0 to 9. The files of its binary version are looked for in $PERIGEE_DATA/cifar-10-batches-bin, then in
data/cifar-10-batches-bin under the working folder, then in $XDG_DATA_HOME/perigee/cifar-10-batches-bin
(~/.local/share/perigee/…); scripts/get-data cifar-10 downloads them. With a path they are read from that
folder, or any one file of that form is. The names of the classes come from batches.meta.txt beside them.
The samples are stored as bytes (?dataset): 150 MB for 50000, not 600.]],
    params = { { "part", '"train"|"test"?', '"train" if left out' } },
    returns = { "dataset, table", "in file order; what the classes are called, { [label] = name }" },
    example = with_file .. [[
local file <close> = io.open(path, "wb")
for label = 0, 9 do
  file:write(string.char(label), ("\127"):rep(3072))
end
file:flush()
print(data.cifar10("test", { path = path }))
os.remove(path)]],
    see = { "data.cifar100", "data.images" },
  },
  {
    name = "data.cifar100",
    text = [[
CIFAR-100: 50000 images for training or 10000 for testing, 3 × 32 × 32 in [0, 1], of 100 classes, or of the 20
that these are grouped into. The files of its binary version (train.bin, test.bin, and the two of names) are
looked for as those of data.cifar10, in folders called cifar-100-binary, and stored as bytes like these.]],
    params = { { "part", '"train"|"test"?', '"train" if left out' } },
    returns = { "dataset, table", "in file order; what the classes are called, { [label] = name }" },
    example = with_file .. [[
local file <close> = io.open(path, "wb")
for label = 0, 9 do
  file:write(string.char(label // 5, label), ("\127"):rep(3072))
end
file:flush()
print(#data.cifar100("test", { path = path, labels = "coarse" }).classes)
os.remove(path)]],
    see = { "data.cifar10" },
  },
  {
    name = "data.digits",
    text = [[
Handwritten-looking digits, 28 × 28 in [0, 1], drawn from pen strokes with random slant, width, shaking and
pressure, and centred by mass as MNIST's are: for when MNIST is not at hand. A CNN trained on 10000 recognises
about 98 % of fresh ones. As many of each class as n allows, in random order.]],
    params = { { "n", "integer", "how many" } },
    returns = { "dataset", "the same for the same seed, whatever the number of threads" },
    example = "print(data.digits(20, { seed = 1, classes = { 3, 7 } }))",
    see = { "data.mnist", "show" },
  },
  {
    name = "data.moons", group = "Toy sets",
    text = [[
Two half circles that reach into each other, of two features (scikit-learn's make_moons): classes 0 and 1, as
many of each as n allows, in random order. Like the other toy sets it reaches beyond 0 and 1: attacks need
lower and upper.]],
    params = { { "n", "integer", "how many" } },
    options = { { "noise", "number", "0.1", "the standard deviation of what is added to a feature" }, seed },
    returns = { "dataset", "n samples of two features" },
    example = [[
local ds = data.moons(200, { noise = 0.15, seed = 1 })
local model = svm.new({ kernel = svm.rbf(2), C = 10 }):fit(ds)
local file = os.tmpname()
plot.decision(model, { data = ds, grid = 30, file = file, terminal = "png" })
os.remove(file)]],
    see = { "data.circles", "data.blobs", "data.xor", "data.spirals", "plot.decision" },
  },
  {
    name = "data.circles",
    text = "A circle of radius 1, class 0, and one inside it, class 1 (scikit-learn's make_circles).",
    params = { { "n", "integer", "how many" } },
    options = { { "noise", "number", "0.05", "as in data.moons" },
      { "factor", "number", "0.5", "the inner circle's radius, 0 to 1" }, seed },
    returns = { "dataset", "n samples of two features" },
    example = "print(data.circles(50, { factor = 0.3, seed = 1 }))",
    see = { "data.moons" },
  },
  {
    name = "data.blobs",
    text = "Normal clouds, one a class (scikit-learn's make_blobs).",
    params = { { "n", "integer", "how many" } },
    options = { { "noise", "number", "1", "the clouds' standard deviation" },
      { "centers", "integer|table", "3", "how many, at random in [-10, 10]², or a list of { x, y }" }, seed },
    returns = { "dataset", "n samples of two features" },
    example = "print(data.blobs(60, { centers = { { 0, 0 }, { 3, 3 } }, seed = 1 }))",
    see = { "data.moons" },
  },
  {
    name = "data.xor",
    text = "Four clouds at (±1, ±1): class 0 where the signs are equal, else 1, which no line divides.",
    params = { { "n", "integer", "how many" } },
    options = { { "noise", "number", "0.3", "the clouds' standard deviation" }, seed },
    returns = { "dataset", "n samples of two features" },
    example = "print(data.xor(40, { seed = 1 }))",
    see = { "data.moons" },
  },
  {
    name = "data.spirals",
    text = "Spirals from the middle to a radius of 1, one a class.",
    params = { { "n", "integer", "how many" } },
    options = { { "noise", "number", "0.03", "as in data.moons" },
      { "classes", "integer", "2", "how many spirals" },
      { "turns", "number", "1.5", "how often each goes round" }, seed },
    returns = { "dataset", "n samples of two features" },
    example = "print(data.spirals(90, { classes = 3, seed = 1 }))",
    see = { "data.moons" },
  },
  {
    name = "data.new",
    text = [[
A dataset from your own arrays, which are copied: what is written into them afterwards does not change it.
(Read-only ones, such as another dataset's x, are shared.) Labels are n numbers, or a column of n; of one-hot
rows y:argmax(2) - 1 gives them. A label that is not a whole number is an error. Names of classes stay with
whatever is made of the dataset, and are shown with it. Of uint8 say what it stands for: store = "u8" for
pictures, 0 to 255 for 0 to 1 (?dataset; "f32": these as floats), or x:astype "f32" for the numbers that they
are.]],
    returns = { "dataset", "n samples" },
    example = small .. "print(ds)",
    see = { "data.npz", "dataset:with", "dataset:where" },
  },
  {
    name = "data.idx",
    text = [[
A dataset from any pair of IDX files, gzip or not. Unsigned bytes are divided by 255, or stay bytes with
{ store = "u8" } (?dataset); other types are kept. EMNIST's images lie on their side in its files:
{ transpose = true } puts them upright.]],
    params = {
      { "samples", "string", "path of the images" },
      { "labels", "string", "path of the labels" },
    },
    returns = { "dataset", "in file order" },
    example = [[
local images, labels = os.tmpname(), os.tmpname()
local function write(path, bytes)
  local file <close> = io.open(path, "wb")
  file:write(bytes)
end
write(images, string.pack(">I4I4I4I4", 0x803, 1, 2, 2) .. "\0\64\128\255")
write(labels, string.pack(">I4I4", 0x801, 1) .. "\7")
print(data.idx(images, labels))
os.remove(images)
os.remove(labels)]],
    see = { "data.mnist", "data.npz" },
  },
  {
    name = "data.npz",
    text = [[
A dataset from two arrays of an npz archive: of numpy.savez, or of ds:save. Usual names are found (x and y,
x_train and y_train, images and labels, data and target, arr_0 and arr_1, …); where there are others, x and
y say which. Labels may be a column. Samples that are uint8 become float32, 0 to 255, { scale = 1 / 255 }
brings them to [0, 1], and { store = "u8" } keeps them as bytes that stand for k / 255 (?dataset), as ds:save
wrote them. What is in other files comes here by two lines of Python. MATLAB's .mat:

  m = scipy.io.loadmat("d.mat")
  numpy.savez("d.npz", x=m["X"], y=m["y"])

(of SVHN, whose samples come last, x=m["X"].transpose(3, 2, 0, 1)). HDF5, and .mat of MATLAB 7.3, whose axes
are then the other way round (.T):

  f = h5py.File("d.h5")
  numpy.savez("d.npz", x=f["x"][()], y=f["y"][()])

As for all readers of samples, a number that is NaN or infinite is an error that says where it stands;
data.read_npz and data.npy give such arrays as they are.

A pickle (loading one runs what its maker put there) by d = pickle.load(open("d.pkl", "rb")), with
x=d["data"], y=d["labels"]; Parquet by pandas.read_parquet("d.parquet").to_csv("d.csv", index=False) and
data.csv.]],
    params = { { "path", "string", "the archive" } },
    returns = { "dataset", "in file order" },
    example = small .. with_file .. "ds:save(path)\nprint(data.npz(path))\nos.remove(path)",
    see = { "data.read_npz", "data.csv", "dataset:save" },
  },
  {
    name = "data.images",
    text = [[
A dataset from a folder of PNG and JPEG pictures: each of its subfolders is a class, and what lies in them at
any depth are its samples, in the order of their names' bytes. Labels are 0, 1, … in the order of the
subfolders; where all of these are whole numbers (0, 1, …, 9), they are the labels. Samples are 3 × height ×
width in [0, 1], or height × width where all pictures are gray; they are stored as bytes (?dataset).

All must be of one size, or { size = { height, width } } brings them to one, as Pillow's resize does.
Palettes become colours, transparency is left out, and orientation in EXIF is not looked at, as by Pillow's
convert("RGB") and torchvision's ImageFolder. 16 bits a channel are rounded to 8 bits, where Pillow keeps the
upper byte of colours and cuts grays above 255. A picture that is damaged or cut short is an error that
names it; what Pillow passes over in a whole JPEG (another revision, bytes between its parts) is passed over
here.]],
    params = { { "folder", "string", "the folder with the classes' folders" } },
    returns = { "dataset, table", "by class; what the classes are called, { [label] = name }" },
    example = [[
local folder = os.tmpname()
os.remove(folder)
for _, class in ipairs { "rough", "smooth" } do
  os.execute("mkdir -p " .. folder .. "/" .. class)
end
plot.images(data.digits(1), { file = folder .. "/rough/a.png" })
plot.images(data.digits(1), { file = folder .. "/smooth/b.png" })
print(data.images(folder, { size = { 28, 28 }, gray = true }))
os.execute("rm -r " .. folder)]],
    see = { "data.cifar10", "data.npz" },
  },
  {
    name = "data.csv",
    text = [[
A dataset from a table as text: a row a sample, a column a feature, one column the labels: if nothing is said
the one that a header calls label, labels, class, target or y, else the last. Fields are divided by a comma, a
semicolon, a tab or a bar, whichever the first line has, and may be "quoted"; numbers have a decimal point,
whatever the locale. A first row in which no feature is a number is a header; header = true or false says it.
Labels are whole numbers or, if any of them is none, texts, which become 0, 1, … in the order of their bytes.
A missing field ("", NA, N/A, nan, null, none or ?) is an error that gives its line; with missing = "skip"
such rows are left out, and a note says how many.]],
    params = { { "path", "string", "the file" } },
    returns = { "dataset, table?", "in file order; of labels that are texts { [label] = text }" },
    example = with_file .. [[
local file <close> = io.open(path, "w")
file:write "length,kind\n5.1,setosa\n"
file:write "6.3,virginica\n5.8,virginica\n"
file:flush()
local flowers, kinds = data.csv(path, { label = "kind" })
print(flowers, kinds[1])
os.remove(path)]],
    see = { "data.svmlight", "data.npz", "dataset:save" },
  },
  {
    name = "data.svmlight",
    text = [[
A dataset from the text of libsvm and svmlight: a line a sample, its label and then index:number of what is
not 0, indices ascending. Comments and qid are passed over. Samples are dense here: files that would take
more than 2 GB are refused, and the message says how dense they are; to read one all the same, or to have the
test samples as wide as the training ones, say features =. Files that dataset:save wrote say it themselves, by
a comment "# features: 784" in front. What classes are called stands in no such file: ds:with { names = … }
adds it.]],
    params = { { "path", "string", "the file" } },
    returns = { "dataset", "in file order" },
    example = with_file .. [[
local file <close> = io.open(path, "w")
file:write "+1 1:0.5 3:2\n-1 2:1.5\n"
file:flush()
print(data.svmlight(path, { features = 4 }).x)
os.remove(path)]],
    see = { "data.csv", "dataset:save" },
  },
  {
    name = "data.concat",
    text = [[
Datasets one after the other; their samples must be of one shape, and no label goes by two names.]],
    params = { { "parts", "dataset…", "at least one" } },
    returns = { "dataset", "a copy of all" },
    example = small .. "print(#data.concat(ds, ds[1]))",
    see = { "dataset:concat" },
  },
  {
    name = "data.npy", group = "Files of arrays",
    text = [[
An array from NumPy's npy, of any byte order and layout. Floats become f32 (f64 stays), uint8 u8, other
integers and booleans i32, refused where they do not fit. Pickled objects are never read.]],
    params = { { "path", "string", "the file" } },
    returns = { "array", "of the file's shape" },
    example = with_file .. "data.save_npy(path, array.eye(3))\nprint(data.npy(path))\nos.remove(path)",
    see = { "data.save_npy", "data.read_npz" },
  },
  {
    name = "data.save_npy",
    text = "Writes an array for numpy.load. The file is complete or not there.",
    params = { { "path", "string", "the file" }, { "a", "array|table", "what to write" } },
    returns = { "string", "the path" },
    example = with_file .. "print(data.npy(data.save_npy(path, { 1, 2, 3 })))\nos.remove(path)",
    see = { "data.npy", "data.save_npz" },
  },
  {
    name = "data.read_npz",
    text = "Every array of an npz archive, stored or deflated. Members that are none (texts, objects) are "
      .. "left out; a second table, { [member] = reason }, says which.",
    params = { { "path", "string", "the archive" } },
    returns = { "table", "{ name = array }" },
    example = with_file .. [[
data.save_npz(path, { a = array.eye(2) })
print(data.read_npz(path).a)
os.remove(path)]],
    see = { "data.save_npz", "data.npz" },
  },
  {
    name = "data.save_npz",
    text = "Writes arrays for numpy.load. The same arrays give the same bytes.",
    params = { { "path", "string", "the archive" }, { "arrays", "table", "{ name = array }" } },
    returns = { "string", "the path" },
    example = with_file .. [[
data.save_npz(path, { a = array.zeros(100, 100) }, { compress = true })
print(data.read_npz(path).a.size)
os.remove(path)]],
    see = { "data.read_npz" },
  },
  {
    name = "data.safetensors",
    text = [[
Every array of a safetensors file. Lengths, types and ranges are checked; nothing is executed. Arrays that
cannot be read (of an unknown type as F8_E4M3, integers beyond 32 bits) are left out; a third table,
{ [name] = reason }, then says which. Weights and models are loaded from such files where they need none
of those.]],
    params = { { "path", "string", "the file" } },
    returns = { "table, table, table", "{ name = array }; the metadata, { key = text }; what is left out" },
    example = with_file .. [[
data.save_safetensors(path, { w = array.eye(2) })
local arrays, metadata = data.safetensors(path)
print(arrays.w, next(metadata))
os.remove(path)]],
    see = { "data.save_safetensors" },
  },
  {
    name = "data.save_safetensors",
    text = "Writes named arrays and texts for safetensors.numpy.load_file.",
    params = {
      { "path", "string", "the file" }, { "arrays", "table", "{ name = array }" },
      { "metadata", "table?", "{ key = text }" },
    },
    returns = { "string", "the path" },
    example = with_file .. [[
data.save_safetensors(path, { w = array.eye(2) }, { note = "by hand" })
print(select(2, data.safetensors(path)).note)
os.remove(path)]],
    see = { "data.safetensors" },
  },
  {
    name = "dataset", kind = "value", group = "Datasets",
    text = [[
Samples with their labels. #ds is their number, ds[i] a dataset of one of them (negative i from the end),
ds.x all of them as an array and ds.y their labels. It prints with its source and a histogram of its
classes. Whatever takes samples takes a dataset: net:predict(ds), attack:run(ds), show(ds).

A dataset never changes: its arrays are read-only, and ds:with { x =, y = } makes a changed one.

Samples are stored as float32, or as bytes, uint8, that stand for k / 255: pictures in a quarter of the
memory. Then ds.x is an array of bytes, 0 to 255; but whatever looks at samples gets float32 in [0, 1], the
same bits as if they had been stored so: ds[i] and ds:floats(), batches, training, scores and attacks, some
samples at a time. Readers of pictures take { store = "u8" } or { store = "f32" }, and so do data.new and
ds:with, which must be told where x is uint8. Parts of a dataset are stored as it is. What you compute
yourself, a mean or ds:with { x = … }, begins with ds:floats().]],
    example = small .. "print(#ds, ds[-1], ds.x.shape[2], ds.classes[1])",
    see = { "data.new", "data.digits", "data.mnist", "dataset:with" },
  },
  field("x", "array", "The samples: n × features, float32, or uint8 for k / 255, which ds:floats() has as "
    .. "float32; a read-only view."),
  field("images", "array", "The same under the samples' shape, n × 28 × 28; a read-only view."),
  field("y", "array", "The labels: n, int32; a read-only view."),
  field("shape", "integer[]", "The shape of one sample, as { 28, 28 }."),
  field("features", "integer", "Values of one sample."),
  field("dtype", "string", "How they are stored: f32, or u8 for k / 255."),
  field("classes", "integer[]", "The labels that occur, sorted."),
  field("names", "table?", "What the classes are called, { [label] = name }; nil where they have no names."),
  field("source", "string", "Where the samples come from, in a few words; what is not UTF-8 as \\xe9."),
  {
    name = "dataset:slice",
    text = [[
The samples i to j, both included, sharing the pixels. ds[i] is one sample, and ds[{i, j, step}] those of a
range, as slices of arrays; a mask (ds[ds.y:eq(3)]) and an array of positions (ds[array.new { 1, 3, 5 }])
choose as well. Negative positions count from the end.]],
    params = {
      { "first", "integer?", "1 if left out" }, { "last", "integer?", "the last sample if left out" },
    },
    returns = { "dataset", "sharing memory" },
    example = small .. "print(#ds:slice(2, 5), #ds:slice(-3), ds[-1])",
    see = { "dataset:take", "dataset:batches" },
  },
  {
    name = "dataset:floats",
    text = [[
The samples i to j, both included, as float32, n × features, in [0, 1] where they are stored as bytes: a view
where they are stored as float32, else a copy.]],
    params = {
      { "first", "integer?", "1 if left out" }, { "last", "integer?", "the last sample if left out" },
    },
    returns = { "array", "read-only" },
    example = small .. 'local x = (ds.x * 255):round():astype "u8"\n'
      .. 'local bytes = data.new { x = x, y = ds.y, store = "u8" }\n'
      .. "print(bytes.x:max(), bytes:floats():max(), bytes:floats(2, 3).shape)",
    see = { "dataset", "dataset:slice" },
  },
  {
    name = "dataset:with",
    text = [[
Another dataset, the same but for these. What is not given is shared with this one; arrays that are given
are copied, as data.new does it. Whatever was to be written into ds.x or ds.y goes through it.]],
    params = { { "options", "table", "what is to be another: x, y, shape, store, source, names" } },
    returns = { "dataset", "a new one; this one stays as it is" },
    example = small .. [[
local y = ds.y:copy()
y[1] = 9
local relabelled = ds:with { y = y }
print(ds:counts()[9], relabelled:counts()[9])
print(ds:with { x = ds.x:round() }.x)]],
    see = { "data.new", "array.copy" },
  },
  {
    name = "dataset:relabel",
    text = [[
The same samples under other labels. A label that the table does not hold stays; a function answers for each.
A new label has the name of those that became it, where that is one.]],
    params = { { "map", "table|function", "{ [label] = new label }, or a function from one to the other" } },
    options = { { "names", "table", "the old ones", "what the new classes are called, { [label] = name }" } },
    returns = { "dataset", "sharing the samples" },
    example = small .. [[
print(ds:relabel { [3] = 0, [9] = 0 })
local names = { [0] = "even", "odd" }
print(ds:relabel(function(label) return label % 2 end, { names = names }))]],
    see = { "dataset:with", "dataset:where" },
  },
  {
    name = "dataset:take",
    text = "The samples at these positions, in that order; repeats are allowed.",
    params = { { "positions", "array|table", "from 1, or from -1 at the end" } },
    returns = { "dataset", "a copy. One of more than 4 MB and a quarter of ds is made when it is first "
      .. "read, and keeps ds until then" },
    example = small .. "print(ds:take { 12, 1, 1 })",
    see = { "dataset:slice", "dataset:where" },
  },
  {
    name = "dataset:split",
    text = [[
Two random parts: floor(share · n) samples, and the others. Stratified, each class is divided by the share as
nearly as whole numbers allow.]],
    params = { { "share", "number", "between 0 and 1" } },
    options = { { "stratified", "boolean", "false", "whether both parts have the classes alike" }, seed },
    returns = { "dataset, dataset", "the parts, shuffled" },
    example = small .. "local first, second = ds:split(0.5, { seed = 1 })\nprint(#first, #second)",
    see = { "dataset:sample", "dataset:shuffle" },
  },
  {
    name = "dataset:folds",
    text = [[
Divides the samples into k folds for cross-validation: an array with the fold of each, 1 to k, as
evaluate.cross_validate and a dnr's fit take it. ds:where(fold:eq(2)) is the second fold, ds:where(fold:ne(2))
what it is tested by. Stratified, all folds have the classes alike; they are those that a dnr's fit draws for
the same seed.]],
    params = { { "k", "integer", "how many folds, from 2 to the number of samples" } },
    options = { { "stratified", "boolean", "true", "whether all folds have the classes alike" }, seed },
    returns = { "array", "n numbers, i32" },
    example = small .. [[
local fold = ds:folds(3, { seed = 1 })
for k = 1, 3 do
  local model = classic.knn({ k = 1 }):fit(ds:where(fold:ne(k)))
  print(metrics.accuracy(model, ds:where(fold:eq(k))))
end]],
    see = { "evaluate.cross_validate", "dataset:split", "dnr:fit" },
  },
  {
    name = "dataset:sample",
    text = "A random n of the samples, each once at most.",
    params = { { "n", "integer", "how many" } },
    returns = { "dataset", "in random order" },
    example = small .. "print(ds:sample(5, { seed = 1 }))",
    see = { "dataset:per_class", "dataset:split" },
  },
  {
    name = "dataset:per_class",
    text = [[
The first n of each class in file order; with a seed a random n of each. A class with fewer is an error.]],
    params = { { "n", "integer", "how many of each" } },
    options = { { "seed", "integer", "none", "choose at random" } },
    returns = { "dataset", "in the order of their positions" },
    example = small .. "print(ds:per_class(2))",
    see = { "dataset:sample", "dataset:counts" },
  },
  {
    name = "dataset:shuffle",
    text = "All samples in random order.",
    returns = { "dataset", "a copy" },
    example = small .. "print(ds:shuffle({ seed = 1 })[1])",
    see = { "dataset:split" },
  },
  {
    name = "dataset:where",
    text = [[
The samples that meet a condition: a mask of n numbers, a label, a list of labels, { y = labels }, or a
function of (label, row, position) that answers true.]],
    params = { { "condition", "array|integer|table|function", "what to keep" } },
    returns = { "dataset", "in the same order" },
    example = small .. [[
print(#ds:where { 3, 9 }, #ds:where(ds.y:eq(5)))
print(#ds:where(function(label, row) return label == 3 and row[1] > 0.5 end))]],
    see = { "dataset:take", "dataset:per_class" },
  },
  {
    name = "dataset:concat",
    text = [[
This dataset and others, one after the other; samples must be of one shape, and no label goes by two names.]],
    params = { { "others", "dataset…", "what follows" } },
    returns = { "dataset", "a copy of all" },
    example = small .. "print(#ds:concat(ds))",
    see = { "data.concat" },
  },
  {
    name = "dataset:batches",
    text = [[
Iterates over ranges of n samples in order, the last one perhaps shorter: each with its first position. Their
x is float32, however the dataset is stored.]],
    params = { { "n", "integer", "samples in a batch" } },
    returns = { "function", "for the generic for" },
    example = small .. "for batch, first in ds:batches(5) do print(first, #batch) end",
    see = { "dataset:slice" },
  },
  {
    name = "dataset:counts",
    text = "How many samples each class has.",
    returns = { "table", "{ [label] = number }" },
    example = small .. "print(ds:counts()[9])",
    see = { "dataset:per_class" },
  },
  {
    name = "dataset:save",
    text = [[
Writes x, under the samples' shape, and y into a compressed npz that data.npz and numpy.load read. A path that
ends in .csv gets a table (x1, x2, …, label) for data.csv and pandas, one in .svm, .svmlight or .libsvm the
text that data.svmlight and scikit-learn read; their numbers read back are the same. Names of classes are
kept by an npz and by save; a table has them as its labels where data.csv makes the same labels of them (0,
1, … in the names' order), and svmlight's text has none.]],
    params = { { "path", "string", "the file" } },
    returns = { "string", "the path" },
    example = small .. with_file .. "print(data.npz(ds:save(path)))\nos.remove(path)",
    see = { "data.npz", "data.csv", "data.svmlight" },
  },
}

return {
  name = "data",
  title = "Data",
  summary = "Samples with their labels, kept together: public sets, built-in digits, your own files and "
    .. "arrays. A dataset is not changed once made; what cuts or chooses gives a new one. "
    .. "Positions count from 1, labels stay what the data says. A file that cannot be read or "
    .. "written is an error that names it.",
  entries = entries,
}
