-- figure.lua — a figure of one's own: plot.figure and its words.

local x = array.linspace(0, 4 * math.pi, 400)
local f = plot.figure { rows = 2, cols = 3, title = "the words of plot.figure" }

f[1]:line(x, array.sin(x), { label = "sin" }):line(x, array.cos(x), { label = "cos", dash = "dashed" })
f[1]:set { title = "line, hline, vline, text", xlabel = "x" }
f[1]:hline(0):vline(2 * math.pi):text(6.5, -0.9, "2π", { align = "left" })

local noise = array.randn(4000, { seed = 1 })
f[2]:histogram(noise, { label = "clean", bins = array.linspace(-4, 6, 41) })
f[2]:histogram(noise * 0.7 + 2, { label = "attacked", bins = array.linspace(-4, 6, 41) })
f[2]:set { title = "histogram", xlabel = "score", ylabel = "samples" }

local t = array.arange(1, 13)
local mean = array.exp(t * -0.4)
f[3]:band(t, mean * 0.7, mean * 1.4, { color = "green" })
f[3]:line(t, mean, { color = "green", label = "mean", point = "circle" })
f[3]:errorbars(t, mean * 2, { mean * 1.5, mean * 3 }, { color = "purple", label = "another" })
f[3]:set { title = "band, errorbars, log axis", logy = true, xlabel = "epoch" }

-- Places as columns and rows of a grid: z[i][j] is at x[j], y[i].
local side = array.linspace(-3, 3, 61)
local across, up = side:reshape(1, 61), side:reshape(61, 1)
local z = (across * across + up * up) * -0.25
z = array.exp(z) * across
f[4]:heatmap(z, { x = { -3, 3 }, y = { -3, 3 } }):contour(z, { x = { -3, 3 }, y = { -3, 3 }, levels = 7 })
f[4]:set { title = "heatmap (diverging), contour", xlabel = "x", ylabel = "y" }

f[5]:bars({ "clean", "noise", "attack" }, { 0.98, 0.97, 0.31 })
f[5]:steps({ 0.5, 1.5, 2.5, 3.5 }, { 0.9, 0.8, 0.7, 0.7 }, { label = "steps", color = "vermillion" })
f[5]:set { title = "bars, steps", ylabel = "accuracy" }

f[6]:image(data.digits(1, { seed = 4 }).x:reshape(28, 28))
f[6]:set { title = "image", caption = "a built-in digit" }

print(f:save("figure.png"))
