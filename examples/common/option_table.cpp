#include "common/option_table.h"

#include "noyau/layers.h"
#include "noyau/train.h"

namespace programs {
namespace {

std::vector<std::string> with_default(std::vector<std::string> names) {
  names.insert(names.begin(), "default");
  return names;
}

std::vector<Option> data_options() {
  using S = Settings;
  return {
      {.name = "data",
       .label = "data set or folder of class folders",
       .group = Group::data,
       .member = &S::data,
       .definition =
           "Images to train on: auto is CIFAR-10 where it is found and Fashion-MNIST where it is not; "
           "anything else is a known data set or a folder with one folder of images for each class.",
       .unit = "name or path",
       .typical = "cifar10",
       .times_ten = "Another task: accuracies of different data sets do not compare.",
       .tenth = kNoNumber,
       .essential = true},
      {.name = "data-dir",
       .label = "folder that holds data sets",
       .group = Group::data,
       .member = &S::data_dir,
       .definition = "Folder in which data sets are looked for; empty means $NOYAU_DATA, then ./data.",
       .unit = "path",
       .typical = "data",
       .times_ten = "Nothing: the same files give the same result wherever they lie.",
       .tenth = kNoNumber,
       .essential = true,
       .shapes_result = false},
      {.name = "train-images",
       .label = "training images",
       .group = Group::data,
       .member = &S::train_images,
       .definition = "Images used for training, drawn evenly from all classes; 0 means all.",
       .unit = "images",
       .typical = "1000 to all",
       .times_ten =
           "Epochs take ten times as long; test error falls, the gap between training and test closes.",
       .tenth = "Epochs take a tenth of the time; the network memorises sooner and generalises worse.",
       .high = kMany,
       .essential = true},
      {.name = "validation-images",
       .label = "validation images",
       .group = Group::data,
       .member = &S::validation_images,
       .definition =
           "Images held out of the training set, drawn evenly from all classes, on which choices are made.",
       .unit = "images",
       .typical = "1000 to 10000",
       .times_ten = "Validation accuracy is three times as exact, and fewer images are left to train on.",
       .tenth = "Validation accuracy is three times as vague: early stopping and choices follow chance.",
       .high = kMany},
      {.name = "test-images",
       .label = "test images",
       .group = Group::data,
       .member = &S::test_images,
       .definition = "Images of the test set that are used, drawn evenly from all classes; 0 means all.",
       .unit = "images",
       .typical = "all",
       .times_ten = "The interval around the test accuracy is three times as narrow.",
       .tenth = "The interval around the test accuracy is three times as wide.",
       .high = kMany},
      {.name = "random-labels",
       .label = "share of random training labels",
       .group = Group::data,
       .member = &S::random_labels,
       .definition = "Share of training labels replaced by random classes: shows what a network can memorise "
                     "(Zhang et al., 2017).",
       .unit = "share",
       .typical = "0; 1 to show memorisation",
       .times_ten = "Less to learn, more to memorise: training accuracy still rises, test accuracy falls.",
       .tenth = "Closer to the true labels.",
       .high = 1},
  };
}

std::vector<Option> augmentation_options() {
  using S = Settings;
  return {
      {.name = "augment",
       .label = "augmentation of training images",
       .group = Group::augmentation,
       .member = &S::augment,
       .definition =
           "Random changes of each training image, anew in every epoch, joined by |: flip, alternating_flip, "
           "pad_crop(pixels), translate(pixels), affine(degrees), color_jitter(share), cutout(pixels), "
           "mixup(alpha), cutmix(alpha).",
       .unit = "steps",
       .typical = "none; flip|pad_crop(4) for photographs",
       .times_ten =
           "More and stronger steps: training accuracy falls, the gap to the test set closes, and a network "
           "that is small or trained briefly underfits.",
       .tenth = kNoNumber,
       .essential = true},
  };
}

std::vector<Option> network_options() {
  using S = Settings;
  return {
      {.name = "model",
       .label = "network, or a JSON layer list",
       .group = Group::network,
       .member = &S::model,
       .definition = "Network to train: a name from --list models, or a JSON file with a list of layers.",
       .unit = "name or path",
       .typical = "minimal-cnn to resnet20",
       .times_ten = "Another function class: accuracy, cost and the best learning rate all change.",
       .tenth = kNoNumber,
       .essential = true},
      {.name = "width",
       .label = "width factor",
       .group = Group::network,
       .member = &S::width,
       .definition = "Factor on the number of channels of every layer but the last.",
       .unit = "factor",
       .typical = "0.25 to 4",
       .times_ten = "A hundred times the parameters and the time; fits better, overfits more on little data.",
       .tenth = "A hundredth of the time; underfits.",
       .low = 0.01,
       .high = 64},
      {.name = "depth",
       .label = "convolutions in a block",
       .group = Group::network,
       .member = &S::depth,
       .definition = "Convolutions in each block of the network; 0 keeps the model's own.",
       .unit = "layers",
       .typical = "1 to 9",
       .times_ten = "Ten times the time; without residual connections gradients fade and training fails.",
       .tenth = "Shallow: sees less context and underfits.",
       .high = 100},
      {.name = "activation",
       .label = "activation",
       .group = Group::network,
       .member = &S::activation,
       .definition = "Nonlinearity after each layer; default keeps the model's own.",
       .unit = "name",
       .typical = "relu",
       .times_ten = "Smooth ones (gelu, silu) cost more time per step; saturating ones (tanh, sigmoid) slow "
                    "deep networks.",
       .tenth = kNoNumber,
       .choices = with_default(noyau::activation_names())},
      {.name = "initializer",
       .label = "weight initialiser",
       .group = Group::network,
       .member = &S::initializer,
       .definition = "How weights are drawn before training; default keeps the model's own.",
       .unit = "name",
       .typical = "he for relu, glorot for tanh",
       .times_ten =
           "Too large a scale diverges, too small a scale does not start; batch norm hides most of it.",
       .tenth = kNoNumber,
       .choices = with_default(noyau::initializer_names())},
      {.name = "dropout",
       .label = "dropout",
       .group = Group::network,
       .member = &S::dropout,
       .definition =
           "Share of activations zeroed at random while training (Srivastava et al., 2014); -1 keeps the "
           "model's own.",
       .unit = "share",
       .typical = "0 to 0.5",
       .times_ten = "Too little is left to learn from: underfits.",
       .tenth = "Close to none: overfits on little data.",
       .low = -1,
       .high = 0.95},
      {.name = "batch-norm",
       .label = "batch norm",
       .group = Group::network,
       .member = &S::batch_norm,
       .definition =
           "Normalises each channel over the batch after every convolution (Ioffe and Szegedy, 2015); "
           "default keeps the model's own.",
       .unit = "name",
       .typical = "on for deep networks",
       .times_ten =
           "On: allows ten times the learning rate and removes most of the dependence on the initialiser.",
       .tenth = kNoNumber,
       .choices = {"default", "on", "off"}},
      {.name = "batch-norm-momentum",
       .label = "batch norm momentum",
       .group = Group::network,
       .member = &S::batch_norm_momentum,
       .definition =
           "Share of the old moving mean and variance of batch norm that a step keeps; the networks are "
           "evaluated with these.",
       .unit = "share",
       .typical = "0.9 (PyTorch) to 0.99 (Keras)",
       .times_ten =
           "Past 1 is not allowed; from 0.9 to 0.99 a run of fewer than some hundred steps is evaluated with "
           "averages that have not arrived, close to chance.",
       .tenth = "The averages are those of the last batch: evaluation is noisy.",
       .high = 0.9999},
      {.name = "weights",
       .label = "weights to begin with",
       .group = Group::network,
       .member = &S::weights,
       .definition = "Weights file that training begins from; empty draws weights from the seed.",
       .unit = "path",
       .typical = "empty; a file to fine-tune",
       .times_ten = "Training starts from what another run has learnt.",
       .tenth = kNoNumber},
  };
}

std::vector<Option> evaluation_options() {
  using S = Settings;
  return {
      {.name = "tta",
       .label = "test-time augmentation",
       .group = Group::evaluation,
       .member = &S::tta,
       .definition = "Test-time augmentation: averages the probabilities of each test image (none), of it "
                     "and its mirror "
                     "image (flip), or of both shifted by one pixel as well (flip-shift).",
       .unit = "name",
       .typical = "none; flip for photographs",
       .times_ten =
           "Twice (flip) or six times (flip-shift) the time to evaluate, for some tenths of a point.",
       .tenth = kNoNumber,
       .choices = noyau::view_names()},
      {.name = "ensemble",
       .label = "ensemble",
       .group = Group::evaluation,
       .member = &S::ensemble,
       .definition = "Networks trained from consecutive seeds whose probabilities are averaged.",
       .unit = "networks",
       .typical = "1 to 5",
       .times_ten = "Ten times the time, for one to three points and better probabilities.",
       .tenth = "One network.",
       .low = 1,
       .high = 100},
  };
}

std::vector<Option> run_options() {
  using S = Settings;
  return {
      {.name = "seed",
       .label = "seed",
       .group = Group::run,
       .member = &S::seed,
       .definition = "Number from which weights, order, augmentation and dropout are drawn: the same seed "
                     "gives the same "
                     "result bit for bit, whatever the number of threads.",
       .unit = "none",
       .typical = "1, 2, 3",
       .times_ten = "Another draw of chance; several seeds show how much chance matters.",
       .tenth = "Another draw of chance.",
       .high = 9e15,
       .essential = true},
      {.name = "threads",
       .label = "threads",
       .group = Group::run,
       .member = &S::threads,
       .definition = "Threads that compute; 0 means as many as there are cores.",
       .unit = "threads",
       .typical = "number of cores",
       .times_ten = "Past the number of cores: slower.",
       .tenth = "Slower; the same result bit for bit.",
       .high = 1024,
       .essential = true,
       .shapes_result = false},
      {.name = "device",
       .label = "device",
       .group = Group::run,
       .member = &S::device,
       .definition = "Device that computes: cpu, cuda, cuda:1, or auto: the first CUDA device, and the CPU "
                     "where none works.",
       .unit = "name",
       .typical = "cpu",
       .times_ten = "Rounding differs between devices, so results agree only within the spread over seeds.",
       .tenth = kNoNumber,
       .essential = true},
      {.name = "precision",
       .label = "precision of products",
       .group = Group::run,
       .member = &S::precision,
       .definition =
           "What convolutions and dense layers compute in, in training and validation on a CUDA device; "
           "weights, sums and statistics are f32 (Micikevicius et al., 2018).",
       .unit = "name",
       .typical = "f32, or f16 on a GPU",
       .times_ten =
           "f16 and bf16 halve the memory of activations; these and tf32 use tensor cores. Products then "
           "take 11, 8 and 11 significant bits of their operands, in place of 24.",
       .tenth = kNoNumber,
       .choices = noyau::precision_names()},
      {.name = "record",
       .label = "replayed steps",
       .group = Group::run,
       .member = &S::record,
       .definition =
           "Records forward and backward pass of a batch as a CUDA graph, which is then replayed; the "
           "result is the same bit for bit.",
       .unit = "yes or no",
       .typical = "no; yes for small batches on a GPU",
       .times_ten = "On: less for the CPU to do in a step.",
       .tenth = kNoNumber,
       .shapes_result = false},
      {.name = "budget",
       .label = "time limit",
       .group = Group::run,
       .member = &S::budget,
       .definition = "Seconds after which training stops at the end of the step, saving as Ctrl-C does; 0 "
                     "means no limit.",
       .unit = "s",
       .typical = "0",
       .times_ten = "Trains longer.",
       .tenth = "May stop before the last epoch.",
       .high = kMany,
       .shapes_result = false},
      {.name = "out",
       .label = "folder for the results",
       .group = Group::run,
       .member = &S::out,
       .definition = "Folder for the results; empty means a folder in ./runs named after the run.",
       .unit = "path",
       .typical = "empty",
       .times_ten = "Nothing but the place.",
       .tenth = kNoNumber,
       .shapes_result = false},
  };
}

std::vector<Option> make_table() {
  std::vector<Option> table;
  for (auto group : {data_options, augmentation_options, network_options, training_options,
                     evaluation_options, run_options})
    for (Option& option : group()) table.push_back(std::move(option));
  return table;
}

}  // namespace

std::span<const Option> options() {
  static const std::vector<Option> table = make_table();
  return table;
}

}  // namespace programs
