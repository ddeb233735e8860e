-- Documentation of the prompt and of the helpers; see perigee/help.lua for the form.

return {
  name = "prompt",
  title = "The prompt",
  summary = [[
What is typed is run as Lua. An expression prints its value and is kept as `ans`; a `;` at the end keeps
it quiet. ?name explains a function, a library or a value, ??words searches, Tab completes names,
methods, option keys, option values and file names. Ctrl-C stops what runs (and clears a line that is
being typed), Ctrl-D, exit and quit leave. An operation on arrays that makes a new one stops in the
middle, one in place is finished first; what cannot look for Ctrl-C (a string match without end, libsvm
within one problem of two classes: the solver "smo" looks) says so, and a second one ends the program.
What a terminal would obey in names and texts out of files (escapes, marks of direction, bytes that are
not UTF-8) is shown as \x1b, \u{202e}; print writes a string as it is. The history is kept under
$XDG_STATE_HOME/perigee (PERIGEE_HISTORY names another file), and ~/.config/perigee/init.lua runs first
unless --no-init is given.

A conversation with the prompt can be pasted as it stands: the marks "> " and ">> " are taken off,
answers left out; in a terminal that does not tell what is pasted (no bracketed paste) answers without a
mark are run. After perigee -i script.lua the script's top-level locals are there as globals, also
where it failed, unless a global of that name is set; a number or a text that is <const> is none of them,
since Lua keeps no variable for it..

The helpers below are found in scripts, by -e and on standard input as well, wherever no global of that
name was set: a variable of yours called time or info is yours, and setting it to nil brings the helper
back.]],
  entries = {
    {
      name = "help",
      text = "Explains a function, a library, a value or a name; without an argument, lists the libraries. "
        .. "At the prompt ?name and name? are short for it.",
      params = { { "what", "any?", "a function, a library, a value, or a name as a string" } },
      example = [[help(array.mean)
help "dnr.new"]],
      see = { "info", "who" },
    },
    {
      name = "show",
      text = [[
Draws an image, a row of digits, or any 2-d array as a heat map in the terminal: half blocks in 24-bit
or 256 colours, sixel where the terminal says it can, plain characters where neither.

An array whose rows are square pictures of 64 pixels or more is drawn as pictures; negative values get a
diverging scale centred at zero. Three planes (3 × height × width, or a dataset's samples of that shape) are a
picture in colour, in which of negative values zero is the middle grey. A list draws its members side by side,
under `captions` if it has them. Samples of up to eight features that are no picture are a line of numbers
each.]],
      params = {
        { "x", "array|dataset|table", "what to draw" },
      },
      options = {
        { "limit", "integer", "12", "draw at most so many pictures of a set" },
        { "names", "table", "none",
          "words for a dataset's classes by their labels, { [0] = \"shirt\", \"trousers\" }" },
        { "channels", "1|3", "by the shape", "1: an array of three planes is three grey pictures" },
        { "mode", '"plain"|"256"|"rgb"|"sixel"', "what the terminal can", "how to draw" },
        { "width", "integer", "the terminal's", "cells to fill" },
      },
      example = [[local digits = data.digits(3, { seed = 1 })
show(digits)
local x0, x = digits.x[1], digits.x[2]
show { x0, x, x - x0, captions = { "one", "another", "difference" } }]],
      see = { "plot.images" },
    },
    {
      name = "who",
      text = "Lists the variables that you have set, with kind, shape and size in memory.",
      returns = { "table", "a list of { name, kind, shape, bytes } that prints as a table" },
      example = "weights = array.zeros(3, 4)\nprint(who())",
      see = { "save", "info" },
    },
    {
      name = "info",
      text = "The session's facts: version and revision, seed, threads, OpenBLAS and the kernels it runs, "
        .. "libsvm, Lua and gnuplot. The same stand in the header of every model, result, session file "
        .. "and figure.",
      returns = { "table", "the facts by name; prints as a list" },
      example = "print(info().threads)",
      see = { "perigee.facts", "seed" },
    },
    {
      name = "seed",
      text = "Sets the generator that calls without a seed of their own draw from, and math.random's. The "
        .. "same seed repeats a session's numbers.",
      params = { { "n", "integer", "0 or more" } },
      example = [[seed(1)
local a = array.rand(3)
seed(1)
assert(array.equal(a, array.rand(3)))]],
      see = { "array.rand" },
    },
    {
      name = "time",
      text = "Calls f once with the other arguments, prints the seconds, and returns what f returns.",
      params = { { "f", "function", "what to call" }, { "arguments", "any…?", "its arguments" } },
      returns = { "any", "f's results" },
      example = "local a = array.rand(200, 200)\nlocal c = time(array.matmul, a, a)",
      see = { "bench" },
    },
    {
      name = "bench",
      text = "Calls f again and again and gives the median time of a call over seven runs.",
      params = { { "f", "function", "what to call, without arguments" },
        { "seconds", "number?", "how long to try (1)" } },
      returns = { "table", "median, least and most seconds a call; prints as a sentence" },
      example = "print(bench(who, 0.05))",
      see = { "time" },
    },
    {
      name = "save",
      text = [[
Writes variables to one file: arrays, datasets, models, attacks (also attack.ensemble and attack.auto) and
their results, what evaluate, metrics, nn.train, dnr.tune and svm.search give, strings, numbers, booleans and
tables of those, nested up to 100 deep, with at most 100000 values, of which an array or a list of numbers is
one. They come back as what they were; what several of them share, an attack's model say, is there once and
shared again. Without names it writes all that who() lists, and says what could not be kept and why (a
function, a model written in Lua, something closed, what one file has no room for: 16384 arrays, 100 MB of
texts); asked for by name, that is an error. The file is a safetensors file; nothing in it can run.]],
      params = {
        { "path", "string", "the file, for instance work.pgz; written beside and renamed" },
        { "names", "string…?", "names of variables" },
      },
      returns = { "string", "the path" },
      example = [[steps = array.arange(5)
local path = os.tmpname()
save(path, "steps")
steps = nil
restore(path)
assert(steps.size == 5)
os.remove(path)]],
      see = { "restore", "perigee.load" },
    },
    {
      name = "restore",
      text = [[
Reads a file written by save and sets its variables again. Every size in the file is checked; a file that
is damaged changes nothing, nor does one with a variable that is named as something of Lua's or Perigee's.
What needs an attack, a layer or a kernel of one's own that this session has not defined, or has defined
otherwise, is left out, and a line says so; where nothing is left that is an error.]],
      params = { { "path", "string", "the file" } },
      options = { { "into", "table", "the globals", "where the variables go" } },
      returns = { "string[]", "the names that were set, sorted" },
      example = [[
notes = { 1, 2, text = "kept" }
local path = os.tmpname()
save(path, "notes")
notes = nil
print(restore(path)[1], notes.text)
os.remove(path)]],
      see = { "save" },
    },
    {
      name = "reload",
      text = [[
Takes a changed file of yours in, without losing data: a module as require finds it, or a file by its name
with .lua. The file runs once more. A table of functions that was there before, the module itself, a class
in it or in a local of its file, a global, stays the same table and gets the new functions: variables that
hold it, and objects whose metatable it is, see the new code. What else the file sets takes the place of
what had its name; what it does not set stays, as what was put into the module at the prompt, but for
functions that are gone from the file. attack.define, plot.recipe and their like in it define anew.

A function that was taken out of the module (local f = mine.f), or given to an attack or a net, stays the
old one until it is given again. A file with an error changes no module and no global, and the message has
its line. At the prompt a line tells what has changed. It gives nothing: a module that is no table, a
function say, is there again by require.]],
      params = { { "module", "string", "the module's name, or the file's with .lua" } },
      example = [[
local path = os.tmpname() .. ".lua"
local function write(text)
  local file <close> = io.open(path, "w")
  file:write(text)
end
write "function twice(x) return x + x end"
reload(path)
write "function twice(x) return 2 * x end"
reload(path)
print(twice(21))
os.remove(path)]],
      see = { "save" },
    },
  },
}
