-- Help of the detectors in the library reject: those that reject by a statistic of the sample.

local known = [[
local net = nn.load "mnist-cnn"
local known = data.digits(300, { seed = 1 })
local test = data.digits(50, { seed = 2 })
]]

local function used(make)
  return known .. make .. [[

defence.threshold = defence:threshold_for(0.1, test)
print(defence, metrics.rejection_rate(defence, test))]]
end

local function field(name, kind, text)
  return { name = name, kind = "field", text = text, returns = { kind } }
end

local entries = {
  {
    name = "reject.confidence", group = "Rejection by a statistic",
    text = [[
Rejects by the maximum softmax probability (Hendrycks and Gimpel, 2017). The class scores are log-odds,
log(p / (1 - p)) with p = softmax(z / temperature) of the model's scores z: they rise with p, and do not
saturate where p is next to 1, nor does their gradient. So is the threshold, as threshold_for gives it: a
sample is accepted where its largest probability is above P, with the threshold log(P / (1 - P)). It can be
given as probability = P, and defence.probability reads P; a threshold of 0.9 by itself is a P of 0.71.

Fitting it fits the model inside.]],
    returns = { "confidence", "a model; fitted if the model is" },
    example = used "local defence = reject.confidence { model = net }",
    see = { "reject.energy", "reject.new", "confidence:threshold_for", "attack.auto" },
  },
  {
    name = "reject.energy",
    text = [[
Rejects by the free energy (Liu et al., 2020): the statistic is S = T log Σ exp(z / T) of the model's scores
z, T being the temperature, and a sample is accepted where it is above the threshold. The label stays the
model's. As class scores, which attacks and gradients go by: S for the model's best class m, and
S - (z_m - z_c) for the others.

Fitting it fits the model inside.]],
    returns = { "energy", "a model; fitted if the model is" },
    example = used "local defence = reject.energy { model = net, temperature = 1 }",
    see = { "reject.confidence", "energy:threshold_for" },
  },
  {
    name = "reject.density",
    text = [[
Rejects by a kernel density on features (Feinman et al., 2017): the logarithm of the Gaussian kernel density
that the training samples of the class which the net predicts have at the sample, all seen in the output of
one layer; in the paper the last hidden one. scikit-learn's KernelDensity gives the same numbers.

The bandwidth, where none is set, follows from a fit: the one of the largest likelihood of the samples, each
left out of its own class's density; fitted_bandwidth says it. The copies of :with { bandwidth = } count at
once. A net that is trained afterwards has other features: the fit has to be made again.

As class scores, with D_c the log-density of class c's samples and z the net's scores: D_m for the net's best
class m, min(D_c, D_m) - (z_m - z_c) for the others. Logarithms do not die out where kernels do, so the plain
gradient is of use wherever the sample is.]],
    returns = { "density", "a model that :fit teaches; the net stays as it is" },
    example = used [[
local defence = reject.density { net = net, layer = "relu4" }
defence:fit(known)]],
    see = { "reject.mahalanobis", "density:threshold_for", "attack.auto" },
  },
  {
    name = "reject.mahalanobis",
    text = [[
Rejects by the Mahalanobis distance to the nearest class (Lee et al., 2018). A layer's features are its
outputs, of maps of channels the means over the places; on the training samples each class has its mean, and
all have one covariance. The statistic is the sum over the layers of weight times minus the squared distance
of the nearest class. The paper's weights are those of a logistic regression between samples that are known
to be good and bad: give them by weights. (Its noise on the samples is not there.) A net that is trained
afterwards has other features: the fit has to be made again.

Directions in which the features do not vary (units that never fire; more features than samples) are left
out, as by the pseudo-inverse; ranks says how many count. shrinkage mixes a sphere into the covariance
instead. As class scores, with M_c that sum for class c alone and z the net's scores: the statistic S for the
net's best class m, min(S, M_c) - (z_m - z_c) for the others.]],
    returns = { "mahalanobis", "a model that :fit teaches; the net stays as it is" },
    example = used [[
local layers = { "relu3", "relu4" }
local defence = reject.mahalanobis { net = net, layers = layers }
defence:fit(known)]],
    see = { "reject.density", "mahalanobis:threshold_for", "attack.auto" },
  },
  {
    name = "reject.squeeze",
    text = [[
Feature squeezing (Xu et al., 2018): rejects where the model's softmax changes much when the sample is
squeezed. Squeezers are "bits b" (round to 2^b grey values between 0 and 1), "median k" and "mean k" (of
k × k pixels; the same as SciPy's median_filter and uniform_filter) and "nlm a b s", non-local means (Buades
et al., 2005): of the a × a pixels around each their mean, with weights exp(-D / h^2), D being the mean square
difference of the b × b pixels around the two, over all channels, and h = s / 255. "nlm 11 3 4" has the sizes
of the paper's non_local_means_color_11_3_4; s is a whole number, and images have values between 0 and 1.
(The paper's, OpenCV's, compares colours in another colour space.) The paper's score is the largest l1
distance d, from 0 to 2, between the softmax of the sample and that of a squeezed one; the statistic here is
log((2 - d) / d), which says the same and does not saturate: d below 2 / (1 + exp(threshold)) is accepted.

As class scores, with z the model's scores and o_c the log-odds of class c (see reject.confidence): the
statistic for the model's best class m, and min of o_c over the sample and its squeezed ones, less z_m - z_c,
for the others. Gradients go through the windows exactly, weights included; through bits, which have no slope
of use, by the slope of their mean over noise of 0.15 (straight through them attacks are half blind):
gradient_is then says "surrogate", and attack.auto has a part for the steps.

Fitting it fits the model inside.]],
    returns = { "squeeze", "a model; fitted if the model is" },
    example = used [[
local squeezers = { "bits 1", "median 2", "nlm 5 3 4" }
local defence = reject.squeeze { model = net, squeezers = squeezers }]],
    see = { "reject.preprocess", "attack.stairs", "squeeze:threshold_for" },
  },
}

local made = {
  confidence = "local defence = reject.confidence { model = net }",
  energy = "local defence = reject.energy { model = net }",
  density = [[
local defence = reject.density { net = net, layer = "relu4", bandwidth = 1 }
defence:fit(known)]],
  mahalanobis = [[
local defence = reject.mahalanobis { net = net, layers = { "relu4" } }
defence:fit(known)]],
  squeeze = "local defence = reject.squeeze { model = net }",
}

for _, kind in ipairs { "confidence", "energy", "density", "mahalanobis", "squeeze" } do
  entries[#entries + 1] = {
    name = kind .. ":threshold_for",
    text = "The threshold that rejects the share p of these samples: see nr:threshold_for.",
    params = { { "p", "number", "the share to reject, 0 to 1" }, { "ds", "dataset|array", "the samples" } },
    returns = { "number", "the threshold" },
    example = known .. made[kind] .. "\nprint(defence:threshold_for(0.1, test))",
    see = { "nr:threshold_for", "reject." .. kind },
  }
  entries[#entries + 1] = field(kind .. ".threshold", "number",
    "What the statistic has to be above; it can be set.")
end

for _, entry in ipairs {
  field("confidence.model", "model", "The model whose scores they are."),
  field("confidence.temperature", "number", "What its scores are divided by; it counts at once."),
  field("confidence.probability", "number",
    "The threshold as a probability, 1 / (1 + exp(-threshold)); 0: nothing is rejected."),
  field("energy.model", "model", "The model whose scores they are."),
  field("energy.temperature", "number", "What its scores are divided by; it counts at once."),
  field("density.net", "net", "The net whose label it is and whose layer is read."),
  field("density.layer", "string", "The layer's name."),
  field("density.bandwidth", "number?", "The bandwidth of the next fit; nil: by likelihood."),
  field("density.fitted_bandwidth", "number?", "The kernels' bandwidth; nil while it is not fitted."),
  field("density.points", "integer", "How many training samples it has kept."),
  field("mahalanobis.net", "net", "The net whose label it is and whose layers are read."),
  field("mahalanobis.layers", "string[]", "The layers' names."),
  field("mahalanobis.weights", "number[]", "What the layers' distances are multiplied by."),
  field("mahalanobis.shrinkage", "number", "The share of a sphere's covariance in the next fit."),
  field("mahalanobis.ranks", "integer[]", "How many directions count in each; 0: not fitted."),
  field("squeeze.model", "model", "The model whose scores they are."),
  field("squeeze.squeezers", "string[]", "What is done to the samples."),
} do
  entries[#entries + 1] = entry
end

return entries
