-- Files of data as other tools write them (tests/reference/readers/make.py), and such files damaged.
local lu = require "luaunit"
local crc32 = dofile "tests/lua/crc32.lua"

local folder = "tests/reference/readers/"
local expected = data.read_npz(folder .. "expected.npz")

local function check(ds, name, tolerance)
  local x, y = expected[name .. "_x"], expected[name .. "_y"]
  lu.assertEquals(ds.y:totable(), y:totable())
  lu.assertEquals(ds.x.shape, { #ds, ds.features })
  lu.assertEquals(ds.x.size, x.size)
  local off = array.abs(ds:floats() - x:reshape(#ds, -1)):max()
  if off > (tolerance or 0) then lu.fail(("%s: off by %g"):format(name, off)) end
end

-- The message of a call that must fail, in one line and with the reader's name once.
local function message(f, ...)
  local ok, said = pcall(f, ...)
  if ok then lu.fail("was read: " .. tostring(said)) end
  said = tostring(said):gsub("^[^:]*:%d+: ", "")
  lu.assertNil(said:find("\n", 1, true))
  return said
end

local function fails(pattern, f, ...)
  local said = message(f, ...)
  if not said:find(pattern, 1, true) then lu.fail("expected '" .. pattern .. "' in: " .. said) end
end

local function bytes_of(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local made = {}
local function write(bytes, ending)
  local path = os.tmpname()
  made[#made + 1] = path
  if ending then
    path = path .. ending
    made[#made + 1] = path
  end
  local file <close> = assert(io.open(path, "wb"))
  file:write(bytes)
  return path
end

local function clean()
  for _, path in ipairs(made) do os.remove(path) end
  made = {}
end

-- { what, bytes, a part of the complaint, options }: each must be refused so.
local function damaged(name, read, rows)
  for _, row in ipairs(rows) do
    local what, bytes, part, options = row[1], row[2], row[3], row[4]
    local path = write(bytes)
    local said = message(read, path, options)
    if not said:find(part, 1, true) or not said:find("data." .. name .. ": ", 1, true) then
      lu.fail(("%s, %s: expected '%s' in: %s"):format(name, what, part, said))
    end
  end
  lu.assertTrue(#rows >= 20, name .. ": " .. #rows)
end

-- ---- CSV ---------------------------------------------------------------------------------------

TestCsv = { tearDown = clean }

function TestCsv:testOthersFiles()
  check(data.csv(folder .. "numpy.csv"), "numpy")
  check(data.csv(folder .. "semicolon.csv"), "numpy")
  check(data.csv(folder .. "semicolon.csv", { delimiter = ";", header = false, label = 4 }), "numpy")
  local ds, classes = data.csv(folder .. "quoted.csv", { label = "kind" })
  check(ds, "quoted")
  lu.assertEquals(ds.names, classes)
  lu.assertEquals(classes, { [0] = "iris setosa", 'versi"color"', "virginica, or so" })
  check(data.csv(folder .. "quoted.csv", { label = 1, header = true }), "quoted")
end

local function csv(text, options) return data.csv(write(text), options) end

function TestCsv:testForms()
  local rows = { { 1, 2 }, { 3, 4.5 } }
  for _, text in ipairs {
    "1,2,7\n3,4.5,8", "1,2,7\r\n3,4.5,8\r\n", "1,2,7\r3,4.5,8\r", "\n\n1,2,7\n\n 3 , 4.5 ,8\n\n",
    "a,b,c\n1,2,7\n3,4.5,8\n", '"a","b,c","d\ne"\n"1",2,"7"\n3,"4.5",8\n', "1\t2\t7\n3\t4.5\t8\n",
    "1|2|7\n3|45e-1|8\n", "\xef\xbb\xbf1,2,7\n3,+4.50,8.0\n", "1;2;7\n3;.45e1;8",
  } do
    local ds, names = csv(text)
    lu.assertEquals(ds.x:totable(), rows, text)
    lu.assertEquals(ds.y:totable(), { 7, 8 }, text)
    lu.assertNil(names)
  end
  lu.assertEquals(csv("  1 2   7 \n3  4.5 8\n", { delimiter = " " }).x:totable(), rows)
  lu.assertEquals(csv("7,1,2\n8,3,4.5\n", { label = -3 }).x:totable(), rows)
  -- Labels by their usual name, wherever they stand; a header of numbers but for that.
  lu.assertEquals(csv("Label,p0,p1\n5,0,0\n3,0,0\n1,7,9\n").y:totable(), { 5, 3, 1 })
  lu.assertEquals(csv("0,1,label\n4,5,1\n6,7,2\n").y:totable(), { 1, 2 })
  lu.assertEquals(csv("label,y,z\n1,2,3\n").y:totable(), { 3 }) -- two such names: the last column
  lu.assertEquals(csv("label,p0\n1,2\n", { label = -1 }).y:totable(), { 2 })
  -- A first sample that something is wrong with is none.
  lu.assertErrorMsgContains("line 1, column 1", csv, "0x10,2,0\n3,4,1\n")
  lu.assertEquals(#csv('"cat" 1 2\n"dog" 3 4\n', { delimiter = " ", label = 1, header = false }), 2)
  -- A first row of numbers may be a header all the same.
  lu.assertEquals(#csv("1,2,3\n1,2,7\n", { header = true }), 1)
  lu.assertEquals(csv("n\tm\ty\n1\t\t2\n3\t4\t5\n", { missing = "skip" }).y:totable(), { 5 })
end

function TestCsv:testMissing()
  local text = "a,b,c\n1,2,7\nNA,2,8\n3,,9\n4,5,\n6,7,5\nnan,1,1\n?,N/A,null\n"
  lu.assertEquals(csv(text, { missing = "skip" }).y:totable(), { 7, 5 })
  fails("line 3, column 1 (a): \"NA\" is missing", csv, text)
  fails("line 2, column 2: is missing", csv, "1,2,3\n1,,3\n")
  fails("line 3, column 3 (c): is missing", csv, "a,b,c\n1,2,7\n1,2,\n")
  fails("without a missing field", csv, "1,,3\n", { missing = "skip" })
end

function TestCsv:testLabels()
  local ds, names = csv("1,dog\n2,cat\n3,dog\n4,3\n")
  lu.assertEquals(names, { [0] = "3", "cat", "dog" })
  lu.assertEquals(ds.y:totable(), { 2, 1, 2, 0 })
  -- A class may be called so, in quotes.
  ds, names = csv('1,"none"\n2,some\n')
  lu.assertEquals({ ds.y:totable(), names }, { { 0, 1 }, { [0] = "none", "some" } })
  lu.assertEquals(csv("-1,1e2\n2,-3.0\n").y:totable(), { 100, -3 })
end

-- Numbers are rounded once: these lie where a double between would go the wrong way, or near it.
function TestCsv:testRounding()
  -- Expected: by exact fractions.
  local numbers = {
    { "22.46821689605713", 0x1.677dd20000000p+4 },
    { "35.49130439758301", 0x1.1bee320000000p+5 },
    { "57.06717491149902", 0x1.c889920000000p+5 },
    { "28.94701099395752", 0x1.cf26f60000000p+4 },
    { "1.00000005960464477539062500000001", 0x1.0000020000000p+0 },
    { "1.000000059604644775390625", 0x1.0000000000000p+0 },
    { "1.00000005960464477539062499999999", 0x1.0000000000000p+0 },
    { "16777217", 0x1.0000000000000p+24 },
    { "16777217.000000000000000001", 0x1.0000020000000p+24 },
    { "16777219", 0x1.0000040000000p+24 },
    { "3.4028235677973366e38", 0x1.fffffe0000000p+127 },
    { "1.1754943e-38", 0x1.0000000000000p-126 },
    { "7e-46", 0x0.0p+0 },
    { "8e-46", 0x1.0000000000000p-149 },
    { "1e-45", 0x1.0000000000000p-149 },
    { "0.1", 0x1.99999a0000000p-4 },
    { "-0", -0x0.0p+0 },
    { "0.000000000000000000000000000000000000011754943508222875", 0x1.0000000000000p-126 },
    { "123456789012345678901234567890", 0x1.8ee9100000000p+96 },
    { "8388608.5", 0x1.0000000000000p+23 },
    { "8388609.5", 0x1.0000040000000p+23 },
    { "2.5e22", 0x1.52d02c0000000p+74 },
    { "1e23", 0x1.52d02c0000000p+76 },
    { "9007199254740993", 0x1.0000000000000p+53 },
  }
  for _, row in ipairs(numbers) do
    local text, value = row[1], row[2]
    local got = csv(text .. ",1\n").x:at(1, 1)
    lu.assertEquals({ got, math.type(got) }, { value, "float" }, text)
    lu.assertEquals(1 / got, 1 / value, text)
  end
end

function TestCsv:testDamaged()
  local good = bytes_of(folder .. "quoted.csv")
  local wide = {}
  for i = 1, 10001 do wide[i] = ("1,kind%d\n"):format(i) end
  damaged("csv", data.csv, {
    { "empty", "", "it is empty" },
    { "blank", "\n \n\t\n", "no rows" },
    { "a header alone", "a,b,c\n", "no rows" },
    { "one column", "1\n2\n", "one field alone" },
    { "too many fields", "1,2,3\n1,2,3,4\n", "line 2 has more than 3 fields, the first row 3" },
    { "too few", "1,2,3\n1,2,3\n1,2\n", "line 3 has 2 fields, the first row 3" },
    { "cut in a line", "1,2,3\n1,2", "line 2 has 2 fields" },
    { "cut in quotes", good:sub(1, 300):gsub('"[^"]*$', '"cut'), "a quote that nothing closes" },
    { "behind quotes", '1,"2"3,4\n', "line 1: something between a closing quote and the next field" },
    { "words", "1,2,3\nred,2,3\n", 'line 2, column 1: "red" is not a finite number' },
    { "infinite", "1,2,3\n1,inf,3\n", '"inf" is not a finite number' },
    { "too large", "1,2,3\n1,1e39,3\n", '"1e39" is not a finite number' },
    { "missing", "1,2,3\n1,NaN,3\n", 'line 2, column 2: "NaN" is missing' },
    { "decimal commas", "1;2;3\n1,5;2;3\n", '"1,5" is not a finite number' },
    { "thousands", "1,2,3\n\"1,000\",2,3\n", '"1,000" is not a finite number' },
    { "fractions as labels", "1,2,3\n1,2,3.5\n", '"3.5" is no label' },
    { "huge labels", "1,2,99999999999\n", '"99999999999" is no label' },
    { "texts that are no labels", table.concat(wide), "more than 10000 texts" },
    { "UTF-16", "\xff\xfea\0,\0b\0\n\0", "UTF-16" },
    { "zeros", "1,2,3\n1,\0,3\n", "no text: it holds bytes that are 0" },
    { "a long field", "1,2\n" .. ("1"):rep(1100000) .. ",2\n", "line 2: a field of more than" },
    { "hexadecimal", "1,2,3\n0x10,2,3\n", '"0x10" is not a finite number' },
    { "no such column", "a,b,c\n1,2,3\n", 'no column is called "kind"', { label = "kind" } },
    { "two such columns", "a,a,c\n1,2,3\n", 'more than one column is called "a"', { label = "a" } },
    { "a name without a header", "a,b,c\n1,2,3\n",
      "label: \"c\" is a column's name, which a file without a header", { label = "c", header = false } },
    { "a column too far", "1,2,3\n", "label: column 4 of 3", { label = 4 } },
    { "a digit divides", "1,2,3\n", "delimiter: expected one character", { delimiter = "1" } },
    { "HDF5", bytes_of(folder .. "new.h5"), "an HDF5 file, which is not read here" },
    { "a PNG", "\x89PNG\r\n\x1a\n", "data.images reads folders of them" },
  })
end

function TestCsv:testSaved()
  local ds = data.new { x = { { 0.1, -0.0, 3 }, { 1e-7, 1 / 3, 123456792 } }, y = { 5, -2 } }
  local path = write("", ".csv")
  lu.assertEquals(ds:save(path), path)
  lu.assertEquals(bytes_of(path):match "^[^\n]*\n[^\n]*", "x1,x2,x3,label\n0.1,-0,3,5")
  local again = data.csv(path)
  lu.assertEquals(again.x:totable(), ds.x:totable())
  lu.assertEquals(again.y:totable(), ds.y:totable())
  fails("datasets are not written as .h5", ds.save, ds, write("", ".h5"))
  fails("save: ", ds.save, ds, "/nonexistent/d.csv")
end

-- Names are the labels where they give the same labels again.
function TestCsv:testSavedNames()
  local words = { [0] = 'a "cat", or none', "dog", "none" }
  local ds = data.new { x = { { 1 }, { 2 }, { 3 }, { 4 } }, y = { 2, 0, 1, 0 }, names = words }
  local again, names = data.csv(ds:save(write("", ".csv")))
  lu.assertEquals({ again.y:totable(), again.names, names }, { { 2, 0, 1, 0 }, words, words })
  local others = { { [0] = "dog", "cat", "none" }, { [0] = "cat", "dog" }, { [0] = "1", "2", "3" } }
  for _, other in ipairs(others) do
    local path = ds:with({ names = other }):save(write("", ".csv"))
    lu.assertEquals({ data.csv(path).y:totable(), data.csv(path).names }, { { 2, 0, 1, 0 } })
  end
  local few = data.csv(ds:take({ 1, 2, 4 }):save(write("", ".csv")))
  lu.assertEquals({ few.y:totable(), few.names }, { { 2, 0, 0 } })
end

-- ---- svmlight ----------------------------------------------------------------------------------

TestSvmlight = { tearDown = clean }

function TestSvmlight:testOthersFiles()
  check(data.svmlight(folder .. "one.svm"), "svm")
  check(data.svmlight(folder .. "zero.svm"), "svm")
  check(data.svmlight(folder .. "zero.svm", { zero_based = true, features = 7 }), "svm")
  local wide = data.svmlight(folder .. "one.svm", { features = 10, zero_based = false, source = "mine" })
  lu.assertEquals({ wide.features, wide.source, wide.x:slice(nil, { 8, 10 }):sum() }, { 10, "mine", 0 })
end

local function svmlight(text, options) return data.svmlight(write(text), options) end

function TestSvmlight:testForms()
  for _, text in ipairs {
    "+1 2:0.5\n-1 1:3 # why\n", "# head\n\n1 2:5e-1\r\n-1 1:3", " 1.0\tqid:7 2:0.50 \n\n-1.0  1:3  \n#end",
  } do
    local ds = svmlight(text)
    lu.assertEquals(ds.x:totable(), { { 0, 0.5 }, { 3, 0 } })
    lu.assertEquals(ds.y:totable(), { 1, -1 })
  end
  lu.assertEquals(svmlight("1 0:2\n2\n").x:totable(), { { 2 }, { 0 } })
  lu.assertEquals(svmlight("1 3:2\n", { zero_based = true }).x:totable(), { { 0, 0, 0, 2 } })
end

function TestSvmlight:testDamaged()
  local good = bytes_of(folder .. "zero.svm")
  damaged("svmlight", data.svmlight, {
    { "empty", "", "it is empty" },
    { "comments alone", "# a\n\n#b", "no samples" },
    { "no label", "1:2 3:4\n", 'line 1: "1:2" stands where the label is expected' },
    { "a word", "1 1:2\ncat 1:2\n", 'line 2: "cat" is no label' },
    { "a fraction", "0.5 1:2\n", '"0.5" is no whole number' },
    { "a huge label", "1e300 1:2\n", "is no whole number" },
    { "NaN as label", "nan 1:2\n", "is no whole number" },
    { "two labels", "1,2 1:2\n", "is more than one label" },
    { "cut behind a colon", good:sub(1, (good:find(":%d%.", 200))), "is no feature: expected index:number" },
    { "cut in the index", "1 1:2\n1 12", 'line 2: "12" is no feature' },
    { "no number", "1 1:two\n", '"1:two" is no feature' },
    { "a negative index", "1 -1:2\n", '"-1:2" is no feature' },
    { "NaN", "1 1:nan\n", "is not a finite number" },
    { "infinite", "1 1:-inf\n", "is not a finite number" },
    { "too large", "1 1:1e40\n", "is not a finite number" },
    { "descending", "1 3:1 2:1\n", '"2:1" follows an index that is not smaller' },
    { "twice", "1 3:1 3:1\n", '"3:1" follows an index that is not smaller' },
    { "a huge index", "1 99999999999999999999:1\n", "has an index above 1073741824" },
    { "sparse", "1 1:1\n2 400000000:1\n", "400000000 features would take 3.2 GB, of which 2.5e-07 %" },
    { "index 0", "1 0:1\n", "there is an index 0, though", { zero_based = false } },
    { "too many features", "1 8:1\n", "there is a feature 8; features = 7", { features = 7 } },
    { "no features", "1\n2\n", "no features" },
    { "zeros", "1 1:1\n\0\0\0", "no text" },
    { "CSV", "1,2,3\n", "is more than one label" },
    { "MATLAB", bytes_of(folder .. "old.mat"), "scipy.io.loadmat" },
  })
end

function TestSvmlight:testSaved()
  local ds = data.svmlight(folder .. "one.svm")
  local again = data.svmlight(ds:save(write("", ".svm")))
  lu.assertEquals(again.x:totable(), ds.x:totable())
  lu.assertEquals(again.y:totable(), ds.y:totable())
end

-- As many features as there were, though the last be 0 in all samples.
function TestSvmlight:testFeaturesDeclared()
  local ds = data.new { x = { { 0, 2, 0, 0 }, { 1, 0, 0, 0 } }, y = { 3, 4 } }
  local path = ds:save(write("", ".svm"))
  lu.assertEquals(bytes_of(path), "# features: 4\n3 2:2\n4 1:1\n")
  lu.assertEquals(data.svmlight(path).x:totable(), ds.x:totable())
  lu.assertEquals(data.svmlight(path, { features = 3 }).features, 3)
  lu.assertEquals(svmlight("# mine\n# features: 3\n1 0:2\n").features, 3)
  lu.assertEquals(svmlight("# features: 1\n1 1:2 2:3").features, 2)
  lu.assertEquals(svmlight("# features: 0\n1 1:2 2:3").features, 2)
  for _, other in ipairs { "# features: x\n1 1:1\n", "# features: 12 a\n1 1:1",
    "# features: 99999999999999999999\n1 1:1",
    "1 1:1\n# features: 7\n2 1:1\n", "# featur\n1 1:1", "1 1:1\n# features: 7" } do
    lu.assertEquals(svmlight(other).features, 1, other)
  end
  fails("1000000000 features would take 4.0 GB", svmlight, "# features: 1000000000\n1 1:1")
end

-- ---- Archives of NumPy -------------------------------------------------------------------------

TestNames = { tearDown = clean }

function TestNames:testFound()
  local scale = { scale = 1 }
  check(data.npz(folder .. "keras.npz", scale), "npz")
  check(data.npz(folder .. "medmnist.npz"), "npz")
  check(data.npz(folder .. "positional.npz"), "npz")
  check(data.npz(folder .. "strange.npz", { x = "pixels", y = "kind" }), "npz")
  lu.assertEquals(#data.npz(folder .. "keras.npz", { x = "x_test" }), 2)
  lu.assertEquals(#data.npz(folder .. "keras.npz", { y = "y_test" }), 2)
end

function TestNames:testNotFound()
  fails("it holds: pixels, kind): say { x =", data.npz, folder .. "strange.npz")
  fails("it holds: pixels, kind", data.npz, folder .. "strange.npz", { x = "pixels" })
  fails("holds no array 'z'", data.npz, folder .. "strange.npz", { x = "pixels", y = "z" })
  fails("of one-hot rows these are y:argmax(2) - 1", data.npz, folder .. "onehot.npz")
  local hot = data.read_npz(folder .. "onehot.npz")
  check(data.new { x = hot.data:astype "f32", y = hot.target:argmax(2) - 1 }, "npz")
end

-- As in all readers.
function TestNames:testNotFinite()
  for _, row in ipairs { { 0 / 0, "NaN" }, { 1 / 0, "infinite" }, { -1 / 0, "infinite" } } do
    local value, said = row[1], row[2]
    local path = write("", ".npz")
    data.save_npz(path, { x = array.new { { 1, 2 }, { 3, value } }, y = array.zeros(2, { dtype = "i32" }) })
    fails(path .. ": sample 2, value 2 is " .. said .. ": not a finite number", data.npz, path)
    lu.assertEquals(data.read_npz(path).x.shape, { 2, 2 })
    local images = write(string.pack(">I2BBI4I4ff", 0, 0x0d, 2, 2, 2, 1, 2) .. string.pack(">ff", value, 3))
    fails("data.idx: " .. images .. ": sample 2, value 1 is " .. said, data.idx, images,
      write(string.pack(">I2BBI4BB", 0, 8, 1, 2, 0, 1)))
  end
end

function TestNames:testLabelsAsColumn()
  local x = array.arange(6):reshape(3, 2)
  for _, y in ipairs { array.new { { 4 }, { 5 }, { 4 } }, array.new { { 4, 5, 4 } },
    array.new { { 4, 0 }, { 5, 0 }, { 4, 0 } }:slice(nil, { 1, 1 }) } do
    lu.assertEquals(data.new { x = x, y = y }.y:totable(), { 4, 5, 4 })
  end
  fails("expected one label per sample", function() return data.new { x = x, y = array.zeros(2, 3) } end)
end

function TestNames:testOtherPrograms()
  fails("scipy.io.loadmat", data.npz, folder .. "old.mat")
  fails("h5py.File", data.npz, folder .. "new.h5")
  fails("pickle.load", data.npz, folder .. "batch.pkl")
  fails("to_csv", data.npz, write "PAR1\0\0\0\0")
  fails("h5py.File", data.npy, folder .. "new.h5")
  fails("data.npz reads it", data.npy, folder .. "keras.npz")
  fails("scipy.io.loadmat", data.idx, folder .. "turned-images", folder .. "old.mat")
  fails("data.npy reads it", data.npz, data.save_npy(write "", { 1, 2 }))
end

-- ---- CIFAR, IDX --------------------------------------------------------------------------------

TestSets = { tearDown = clean }

function TestSets:testCifar()
  local ds, names = data.cifar10("test", { path = folder .. "cifar-10-batches-bin" })
  check(ds, "cifar10")
  lu.assertEquals(ds.shape, { 3, 32, 32 })
  lu.assertEquals({ names[0], names[9], names[10] }, { "airplane", "truck" })
  lu.assertEquals(ds.names, names)
  check(data.cifar10("train", { path = folder .. "cifar-10-batches-bin/test_batch.bin" }), "cifar10")
  check(data.cifar100("train", { path = folder .. "hundred.bin" }), "fine")
  check(data.cifar100("train", { path = folder .. "hundred.bin", labels = "coarse" }), "coarse")
end

function TestSets:testCifarDamaged()
  local good = bytes_of(folder .. "cifar-10-batches-bin/test_batch.bin")
  local function read(path) return data.cifar10("test", { path = path }) end
  local rows = {
    { "empty", "", "0 bytes are no CIFAR-10" },
    { "pickled", "\x80\x04" .. good, "a pickle of Python" },
    { "gzip", "\x1f\x8b\x08" .. good, "gzip -d" },
  }
  for _, size in ipairs { 1, 2, 3072, 3074, 5000, 6145 } do
    rows[#rows + 1] = { "cut at " .. size, good:sub(1, size), "its samples take 3073 each" }
  end
  for _, label in ipairs { 10, 11, 100, 127, 128, 200, 255 } do
    rows[#rows + 1] = { "label " .. label, string.char(label) .. good:sub(2), "label 1 is " .. label }
    rows[#rows + 1] = { "second label " .. label, good:sub(1, 3073) .. string.char(label) .. good:sub(3075),
      "label 2 is " .. label .. "; CIFAR-10 has 0 to 9" }
  end
  damaged("cifar10", read, rows)
  fails("its samples take 3074 each", data.cifar100, "train", { path = write(good) })
  fails("CIFAR-100 has 0 to 19", data.cifar100, "train", { path = write("\20" .. ("\0"):rep(3073)) })
  fails("CIFAR-100's training files are not in", data.cifar100)
  fails("data_batch_1.bin", data.cifar10, "train", { path = folder .. "cifar-10-batches-bin" })
end

function TestSets:testTurned()
  check(data.idx(folder .. "turned-images", folder .. "turned-labels", { transpose = true }):with {
    x = data.npz(folder .. "positional.npz").x }, "npz")
  local ds = data.idx(folder .. "turned-images", folder .. "turned-labels", { transpose = true })
  lu.assertEquals(ds.shape, { 4, 5 })
  lu.assertTrue(array.abs(ds.x * 255 - expected.npz_x):max() < 1e-4)
  lu.assertEquals(data.idx(folder .. "turned-images", folder .. "turned-labels").shape, { 5, 4 })
end

-- A set in the form of MNIST, in a folder of its own name.
function TestSets:testSetsOfIdx()
  for name, title in pairs { fashion_mnist = "Fashion-MNIST", kmnist = "KMNIST" } do
    local ok, ds, names = pcall(data[name], "test")
    if ok then
      lu.assertEquals({ #ds, #names }, { 10000, 9 })
    else
      lu.assertStrContains(tostring(ds), title .. "'s test files are not in")
      lu.assertStrContains(tostring(ds), "scripts/get-data")
    end
  end
end

-- ---- Folders of pictures -----------------------------------------------------------------------

TestImages = { tearDown = clean }

local function png_of(width, height, depth, colour)
  local function chunk(name, bytes)
    return string.pack(">I4", #bytes) .. name .. bytes
      .. string.pack(">I4", crc32(name .. bytes))
  end
  return "\x89PNG\r\n\x1a\n" .. chunk("IHDR", string.pack(">I4I4BBI3", width, height, depth, colour, 0))
    .. chunk("IDAT", "") .. chunk("IEND", "")
end

function TestImages:testOthersFiles()
  local ds, names = data.images(folder .. "colours")
  lu.assertEquals(ds.names, names)
  lu.assertEquals({ ds.shape, names }, { { 3, 9, 12 }, { [0] = "cat", "dog" } })
  check(ds, "colours", 1.01 / 255)
  ds, names = data.images(folder .. "greys")
  lu.assertEquals(ds.names, names)
  lu.assertEquals({ ds.shape, names }, { { 9, 12 }, { [7] = "7", [10] = "10" } })
  -- as text, "10" is before "7"
  local y = ds.y:argsort()
  check(ds:take(y), "greys")
  check(data.images(folder .. "colours", { gray = true }), "greyed", 1.01 / 255)
  lu.assertEquals(data.images(folder .. "greys", { gray = false }).shape, { 3, 9, 12 })
end

function TestImages:testSizes()
  fails("1.png: 30 × 17 pixels, where only/0.png has 9 × 12: size =", data.images, folder .. "sizes")
  check(data.images(folder .. "sizes", { size = { 6, 8 } }), "bilinear", 1.01 / 255)
  check(data.images(folder .. "sizes", { size = { 6, 8 }, resample = "area" }), "area", 1.01 / 255)
  lu.assertEquals(data.images(folder .. "colours", { size = 5, gray = true }).shape, { 5, 5 })
end

-- A folder of one class with one picture, and its path.
local function folder_with(bytes, name)
  local path = os.tmpname()
  os.remove(path)
  os.execute(("mkdir -p %s/class"):format(path))
  local file <close> = assert(io.open(path .. "/class/" .. (name or "a.png"), "wb"))
  file:write(bytes)
  made[#made + 1], made[#made + 2], made[#made + 3] = file and path .. "/class/" .. (name or "a.png"),
    path .. "/class", path
  return path
end

function TestImages:testDamaged()
  local png, jpeg = bytes_of(folder .. "colours/cat/a-rgb.png"), bytes_of(folder .. "colours/dog/c.jpg")
  local idat = png:find("IDAT", 1, true)
  local scan = jpeg:find("\xff\xda", 1, true)
  local function flipped(bytes, at)
    return bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 255) .. bytes:sub(at + 1)
  end
  local rows = {
    { "empty", "", "it is empty" }, { "text", "a,b\n", "neither a PNG nor a JPEG" },
    { "GIF", "GIF89a", "neither a PNG nor a JPEG" },
    { "the magic alone", png:sub(1, 8), "a damaged PNG: truncated" },
    { "cut in the head", png:sub(1, 20), "a damaged PNG: truncated" },
    { "cut behind the head", png:sub(1, 33), "a damaged PNG: truncated" },
    { "cut in the pixels", png:sub(1, idat + 100), "a damaged PNG" },
    { "without an end", png:sub(1, -13), "a damaged PNG: truncated" },
    { "a wrong checksum in the head", flipped(png, 17), "a damaged PNG" },
    { "a wrong byte of pixels", flipped(png, idat + 20), "a damaged PNG" },
    { "no pixels", png_of(4, 4, 8, 2), "a damaged PNG" },
    { "no size", png_of(0, 4, 8, 2), "a damaged PNG" },
    { "huge", png_of(900000, 900000, 8, 2), "claims 900000 × 900000 pixels, which its 57 bytes cannot hold" },
    { "huge in one way", png_of(1 << 30, 1, 8, 2), "a damaged PNG" },
    { "an impossible depth", png_of(4, 4, 3, 2), "a damaged PNG" },
    { "an impossible colour", png_of(4, 4, 8, 7), "a damaged PNG" },
    { "JPEG's magic alone", "\xff\xd8\xff", "a damaged JPEG" },
    { "JPEG cut in its tables", jpeg:sub(1, 100), "a damaged JPEG" },
    { "JPEG cut before the scan", jpeg:sub(1, scan), "a damaged JPEG" },
    { "JPEG cut in the scan", jpeg:sub(1, #jpeg - 60), "a damaged JPEG" },
    { "JPEG without an end", jpeg:sub(1, -3), "a damaged JPEG" },
    { "a huge JPEG", (jpeg:gsub("\xff\xc0\0\17\8....", "\xff\xc0\0\17\8\xfd\xe8\xfd\xe8")),
      "claims 65000 × 65000 pixels" },
    { "JPEG of marker 0", jpeg:sub(1, 2) .. ("\xff\1"):rep(9), "a damaged JPEG" },
  }
  for _, row in ipairs(rows) do
    local path = folder_with(row[2])
    local said = message(data.images, path)
    if not said:find("class/a.png: " .. row[3], 1, true) then lu.fail(row[1] .. ": " .. said) end
    clean()
  end
  lu.assertTrue(#rows >= 20)
end

-- What libjpeg warns of and Pillow reads: the pixels are those of the file as it was.
function TestImages:testHarmlessWarnings()
  local jpeg = bytes_of(folder .. "colours/dog/c.jpg")
  local jfif, scan = jpeg:find("JFIF\0", 1, true), jpeg:find("\xff\xda", 1, true)
  local length, parts = jpeg:byte(jfif - 1), jpeg:byte(scan + 4)
  local adobe = "\xff\xee\0\14Adobe\0\100\0\0\0\0\3"
  local function with(at, bytes) return jpeg:sub(1, at - 1) .. bytes .. jpeg:sub(at + #bytes) end
  local right = data.images(folder_with(jpeg)).x
  clean()
  for what, bytes in pairs {
    ["JFIF 2.1"] = with(jfif + 5, "\2"),
    ["an unknown colour transform"] = jpeg:sub(1, jfif - 5) .. adobe .. jpeg:sub(jfif - 2 + length),
    ["parameters of a progressive scan"] = with(scan + 5 + 2 * parts, "\0\1\1"),
    ["bytes between markers"] = jpeg:sub(1, scan - 1) .. "\0\1\2" .. jpeg:sub(scan),
    ["bytes behind the end"] = jpeg .. "rest",
  } do
    local x = data.images(folder_with(bytes)).x
    lu.assertEquals({ what, array.abs(x - right):max() }, { what, 0 })
    clean()
  end
end

function TestImages:testFolders()
  fails("no subfolders, but pictures: one for each class", data.images, folder .. "greys/7")
  fails("No such file or directory", data.images, "/nonexistent")
  fails("Not a directory", data.images, folder .. "make.py")
  fails("class: no PNG or JPEG in it", data.images, folder_with("x", "Thumbs.db"))
  fails("class/a.GIF: only PNG and JPEG are read", data.images, folder_with("x", "a.GIF"))
  -- By content, whatever the ending; what is no picture is passed over.
  local path = folder_with(bytes_of(folder .. "colours/cat/a-rgb.png"), "a.JPEG")
  lu.assertEquals(data.images(path, { source = "mine" }).source, "mine")
end
