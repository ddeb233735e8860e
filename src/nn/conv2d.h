/* conv2d.h — the struct of a conv2d layer, for the files that run one: conv2d.c by patches and
 * conv_depthwise.c channel by channel. */
#ifndef PERIGEE_NN_CONV2D_H
#define PERIGEE_NN_CONV2D_H

#include "nn/layer.h"

typedef struct Conv2d {
    Layer layer;
    size_t out;                                           /* maps */
    size_t kernel[2], stride[2], padding[2], dilation[2]; /* padding: or FIELD_PAIR_WORD, "same" */
    size_t groups;
    bool bias;

    size_t before[2];           /* zeros above and on the left */
    bool padded;                /* there are zeros on some side */
    size_t in_group, out_group; /* channels of a group, and its maps */
    size_t depth;               /* kh · kw · in_group: the length of a patch */
    size_t wide;                /* that, rounded up to what panels take */
    bool solid;                 /* a kernel row's pixels lie side by side, with all channels */
    bool winograd_forward, winograd_backward; /* Winograd's algorithm pays there (winograd.h) */
} Conv2d;

/* The bias among the layer's weights, or NULL. */
static inline const float *conv_bias(const Conv2d *conv, const float *weights) {
    return conv->bias ? weights + conv->layer.parameter[1].offset : NULL;
}

/* Is every group one channel and one map? The weights are then stored as (kh, kw) × channels. */
static inline bool conv_is_depthwise(const Conv2d *conv) {
    return conv->groups > 1 && conv->in_group == 1 && conv->out_group == 1;
}

/* The calls of such a layer; backward adds to dx, which is cleared, and to the weight's gradient.
 */
void conv_depthwise_forward(const Conv2d *conv, const LayerCall *call);
void conv_depthwise_backward(const Conv2d *conv, const LayerCall *call);

#endif
