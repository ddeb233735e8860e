/* resample.h — a picture brought to another size.
 *
 * Each new pixel is a weighted mean of the old ones about it: bilinear weighs them by a triangle as
 * wide as two of the larger pixels, area by how much of them it covers. Rows first, then columns,
 * rounded in between: what Pillow's resize gives with BILINEAR and BOX, within one step. */
#ifndef PERIGEE_DATA_RESAMPLE_H
#define PERIGEE_DATA_RESAMPLE_H

#include "data/image.h"

typedef enum ResampleBy { RESAMPLE_BILINEAR, RESAMPLE_AREA } ResampleBy;

/* `from`, as its head says, into the size (and the channels) of `head`. False only without memory.
 */
bool resample(const unsigned char *from, const ImageHead *has, ResampleBy by, const ImageHead *head,
              unsigned char *out, Error *err);

#endif
