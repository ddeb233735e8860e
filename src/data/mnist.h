/* mnist.h — MNIST: where it is on this machine, and reading it.
 *
 * LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998. Four IDX files, gzip or
 * not, named train-images-idx3-ubyte and so on (train-images.idx3-ubyte too, and with .gz), looked
 * for in $PERIGEE_DATA/mnist, data/mnist under the working folder, and the user's data folder
 * ($XDG_DATA_HOME/perigee/mnist, else ~/.local/share/perigee/mnist). */
#ifndef PERIGEE_DATA_MNIST_H
#define PERIGEE_DATA_MNIST_H

#include "data/dataset.h"

typedef enum MnistPart { MNIST_TRAIN, MNIST_TEST } MnistPart;

enum { MNIST_PATH = 4096 };

/* The first folder with both files of the part. Where there is none, the message lists the folders
 * that were searched. */
bool mnist_find(MnistPart part, char folder[MNIST_PATH], Error *err);

/* 60000 or 10000 images of 28 × 28 in [0, 1] with labels 0 … 9. */
Dataset *mnist_load(MnistPart part, Error *err);

#endif
