/* The names of ImageNet's 1,000 classes, one a line, in the usual order, as torchvision's models have them.
 */
#ifndef CLI_IMAGENET_LABELS_H
#define CLI_IMAGENET_LABELS_H

extern const char imagenet_labels[];

#endif
