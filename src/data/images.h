/* images.h — folders of pictures: a subfolder a class, as torchvision's ImageFolder takes them.
 *
 *     flowers/daisy/1.png   flowers/daisy/more/2.jpg   flowers/rose/a.jpeg
 *
 * Classes are in the order of their names' bytes, and so are the pictures of each; those in deeper
 * folders count. Labels are 0, 1, … in that order; where all names are whole numbers they are the
 * labels. What ends in .png, .jpg or .jpeg is read by what it is (image.h); other files of pictures
 * are refused, and all others are passed over. */
#ifndef PERIGEE_DATA_IMAGES_H
#define PERIGEE_DATA_IMAGES_H

#include "core/fields.h"
#include "core/progress.h"
#include "data/dataset.h"
#include "data/names.h"

typedef enum ImagesColour { IMAGES_FOUND, IMAGES_GREY, IMAGES_COLOUR } ImagesColour;

typedef struct ImagesOptions {
    size_t size[2];      /* height and width to bring them to; zeros: they must be of one size */
    int by;              /* a ResampleBy */
    ImagesColour colour; /* found: grey where all are */
    int store;           /* a StoreAs (dataset_bytes.h) */
    const char *source;  /* NULL: the folder */
} ImagesOptions;

extern const Field images_fields[];
extern const ImagesOptions images_initial;

/* Samples of (height, width) or (3, height, width); `classes`, the caller's to clear,
 * gets their names. */
Dataset *images_load(const char *folder, const ImagesOptions *options, ClassNames *classes,
                     Error *err);

#endif
