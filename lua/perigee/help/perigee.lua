-- Documentation of the library perigee; see perigee/help.lua for the form.

return {
  name = "perigee",
  title = "The program itself",
  summary = "Loading what was saved, facts of the session, and what scripts ask of the program.",
  entries = {
    {
      name = "perigee.load",
      text = [[
Reads what a :save wrote: a net, an svm, an nr, a dnr, an attack's result or a record (?record), by the kind
that the file names. Raises with the file's name and what is wrong with it, or that a newer program wrote it.
Weights that are not finite, parts of a dnr that do not fit each other, labels and distances of a result
that are not those of its scores and points are refused. Nothing in a file is run or trusted.]],
      params = { { "path", "string", "a safetensors file" } },
      returns = { "model|result|record", "what the file holds" },
      example = [[local model = svm.new { kernel = svm.linear() }
model:fit(data.new { x = array.new { { 0, 0 }, { 1, 1 } }, y = { 0, 1 } })
local path = os.tmpname()
model:save(path)
print(perigee.load(path))
os.remove(path)]],
      see = { "nn.load", "save" },
    },
    {
      name = "perigee.facts",
      text = "Version, revision, seed, threads, the versions of Lua, libsvm and OpenBLAS, its kernels; and "
        .. "shard, { i, n }, "
        .. "where --shard or PERIGEE_SHARD says one.",
      returns = { "table", "the facts by name" },
      example = "print(perigee.facts().blas_core)",
      see = { "info" },
    },
    {
      name = "perigee.header",
      text = "The facts on one line, as figures, models, results and session files carry them.",
      returns = { "string", "program, revision, seed, threads, OpenBLAS, libsvm, Lua" },
      example = "print(perigee.header())",
      see = { "perigee.facts", "info" },
    },
    {
      name = "perigee.clock",
      text = "Seconds on a clock that only goes forward.",
      returns = { "number", "seconds" },
      example = "local start = perigee.clock()\nprint(perigee.clock() - start < 1)",
      see = { "time" },
    },
    {
      name = "perigee.seed",
      text = "Sets the session's generator, as --seed and the helper seed do.",
      params = { { "n", "integer", "0 or more" } },
      example = "perigee.seed(7)",
      see = { "seed" },
    },
    {
      name = "perigee.interrupted",
      text = "Whether the user has asked to stop (Ctrl-C), for loops that want to hand over what they have.",
      params = { { "note", "string?", "what they hand over, for the user; the last note is printed" } },
      returns = { "boolean", "true until the statement ends" },
      example = [[
for i = 1, 10 do
  if perigee.interrupted() then break end
end]],
      see = { "perigee.clock" },
    },
    {
      name = "perigee.nearest",
      text = "The word of a list that somebody who wrote `word` probably meant, or nil.",
      params = { { "word", "string", "what was written" }, { "list", "string[]", "what there is" } },
      returns = { "string?", "the nearest, or nil" },
      example = 'print(perigee.nearest("zeross", { "ones", "zeros" }))',
      see = { "help" },
    },
    {
      name = "perigee.files",
      text = "The names in a folder, hidden ones left out; none where it cannot be read.",
      params = { { "folder", "string", "its path" } },
      returns = { "string[]", "in no order" },
      example = 'for _, name in ipairs(perigee.files(perigee.lua_dir)) do print(name) end',
      see = { "perigee.lua_dir" },
    },
    {
      name = "perigee.terminal",
      text = [[
What the terminal can do now: output (stdout is one), colour, columns, rows, and picture, the best way to
draw. PERIGEE_PICTURE overrides the last, NO_COLOR turns colours off.]],
      returns = { "table", "output, colour, columns, rows, picture" },
      example = "print(perigee.terminal().columns)",
      see = { "show" },
    },
    {
      name = "perigee.picture",
      text = [[
The text that draws panels in a terminal, each { value = 2-d array, low =, high =, map =, caption = }.]],
      params = { { "panels", "table", "a list of panels" } },
      options = {
        { "mode", '"plain"|"256"|"rgb"|"sixel"', "what the terminal can", "how to draw" },
        { "width", "integer", "the terminal's", "cells to fill" },
      },
      returns = { "string", "the text" },
      example = [[
local panel = { value = array.rand(4, 8, { seed = 1 }), caption = "noise" }
io.write(perigee.picture({ panel }, { mode = "plain" }))]],
      see = { "show" },
    },
    {
      name = "perigee.print_room",
      text = "Where arrays' texts have to fit from now on; without numbers, 90 columns and any number of "
        .. "lines. The prompt sets it from the terminal.",
      params = { { "width", "integer?", "characters a line" }, { "lines", "integer?", "at most" } },
      example = "perigee.print_room(60, 10)\nprint(array.rand(100, 100))\nperigee.print_room()",
      see = { "perigee.terminal" },
    },
    {
      name = "perigee.pager", kind = "field", returns = { "string|boolean" },
      text = "The command through which answers of the help and who() go that are longer than the screen; "
        .. "false: none, "
        .. "nil: as at the start, the command of PERIGEE_PAGER (empty: none) or of PAGER, else less; LESS is "
        .. "FRX unless it is set. Other values are cut to the screen. "
        .. "Off a terminal nothing is paged.",
    },
    {
      name = "perigee.version", kind = "field", returns = { "string" },
      text = "The program's version.",
    },
    {
      name = "perigee.interactive", kind = "field", returns = { "boolean" },
      text = "True at the prompt, false in a script. Figures open a window only where it is true.",
    },
    {
      name = "perigee.lua_dir", kind = "field", returns = { "string" },
      text = "The folder that holds the program's own Lua files.",
    },
  },
}
