#include "data/catalogue.h"

namespace noyau::inline v0 {
namespace {

using Names = std::vector<std::string>;

const Names& digits() {
  static const Names kNames = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  return kNames;
}

}  // namespace

const Names& cifar10_classes() {
  static const Names kNames = {"airplane", "automobile", "bird",  "cat",  "deer",
                               "dog",      "frog",       "horse", "ship", "truck"};
  return kNames;
}

const Names& cifar100_classes() {
  static const Names kNames = {
      "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
      "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
      "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
      "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
      "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
      "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
      "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
      "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
      "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
      "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
      "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
      "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
      "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
      "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
      "table",       "tank",          "telephone", "television", "tiger",        "tractor",
      "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
      "willow_tree", "wolf",          "woman",     "worm"};
  return kNames;
}

const Names& cifar100_coarse_classes() {
  static const Names kNames = {"aquatic_mammals",
                               "fish",
                               "flowers",
                               "food_containers",
                               "fruit_and_vegetables",
                               "household_electrical_devices",
                               "household_furniture",
                               "insects",
                               "large_carnivores",
                               "large_man-made_outdoor_things",
                               "large_natural_outdoor_scenes",
                               "large_omnivores_and_herbivores",
                               "medium_mammals",
                               "non-insect_invertebrates",
                               "people",
                               "reptiles",
                               "small_mammals",
                               "trees",
                               "vehicles_1",
                               "vehicles_2"};
  return kNames;
}

DataInfo idx_info(const std::string& name) {
  if (name == "fashion-mnist") {
    return {.name = name,
            .classes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
                        "Bag", "Ankle boot"}};
  }
  if (name == "notmnist")
    return {.name = name, .classes = {"A", "B", "C", "D", "E", "F", "G", "H", "I", "J"}};
  return {.name = name, .classes = digits()};
}

}  // namespace noyau::inline v0
