#include "common/data_sources.h"

#include <cstdlib>

namespace programs {

const std::vector<DataSource>& data_sources() {
  // Check sums: the publishers' pages; MNIST's mirror is PyTorch's.
  static const std::vector<DataSource> kSources = {
      {"cifar10",
       "https://www.cs.toronto.edu/~kriz/",
       "",
       {{"cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", 170052171}},
       {},
       "Small colour photographs of animals and vehicles, a labelled subset of the 80 Million Tiny Images.",
       "A. Krizhevsky, \"Learning Multiple Layers of Features from Tiny Images\", technical report, "
       "University of Toronto, 2009.",
       "None stated; the authors ask to cite the report.",
       "About 3.3 % of the test images have a near-duplicate among the training images (B. Barz and J. "
       "Denzler, ciFAIR, "
       "J. Imaging 6(6), 2020); about 0.5 % of the test labels are wrong (C. Northcutt et al., NeurIPS "
       "Datasets 2021)."},
      {"cifar100",
       "https://www.cs.toronto.edu/~kriz/",
       "",
       {{"cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8", 168513733}},
       {},
       "Small colour photographs in 100 classes, themselves in 20 groups.",
       "A. Krizhevsky, \"Learning Multiple Layers of Features from Tiny Images\", technical report, "
       "University of Toronto, 2009.",
       "None stated; the authors ask to cite the report.",
       "About 10 % of the test images have a near-duplicate among the training images (B. Barz and J. "
       "Denzler, ciFAIR, "
       "J. Imaging 6(6), 2020)."},
      {"mnist",
       "https://ossci-datasets.s3.amazonaws.com/mnist/",
       "mnist",
       {{"train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
        {"train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"},
        {"t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"},
        {"t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"}},
       {{"train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb"},
        {"train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624"},
        {"t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea"},
        {"t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637"}},
       "Handwritten digits, centred and size-normalised.",
       "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, \"Gradient-based learning applied to document "
       "recognition\", Proc. IEEE 86(11), 1998.",
       "CC BY-SA 3.0.",
       "About 0.15 % of the test labels are wrong (C. Northcutt et al., NeurIPS Datasets 2021)."},
      {"fashion-mnist",
       "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
       "fashion-mnist",
       {{"train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
        {"train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"},
        {"t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"},
        {"t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"}},
       {},
       "Grey photographs of articles of clothing from the shop Zalando, in the format of MNIST.",
       "H. Xiao, K. Rasul, R. Vollgraf, \"Fashion-MNIST: a novel image dataset for benchmarking machine "
       "learning algorithms\", arXiv 1708.07747, 2017.",
       "MIT.",
       "White articles were left out; T-shirt, pullover, coat and shirt overlap."},
      {"kannada-mnist",
       "",
       "kannada-mnist",
       {},
       {},
       "Handwritten digits of the Kannada script, in the format of MNIST.",
       "V. U. Prabhu, \"Kannada-MNIST: a new handwritten digits dataset for the Kannada language\", arXiv "
       "1908.01242, 2019.",
       "CC BY-SA 4.0.",
       "None known."},
      {"notmnist",
       "",
       "notmnist",
       {},
       {},
       "The letters A to J from many typefaces, in the format of MNIST.",
       "Y. Bulatov, \"notMNIST dataset\", 2011.",
       "None stated.",
       "Some glyphs are no letters; the author found about 0.5 % of the hand-cleaned part wrong."},
  };
  return kSources;
}

const DataSource* find_source(const std::string& name) {
  for (const DataSource& source : data_sources()) {
    if (source.name == name) return &source;
  }
  return nullptr;
}

std::string data_directory(const std::string& given) {
  if (!given.empty()) return given;
  const char* const variable = std::getenv("NOYAU_DATA");
  return variable != nullptr && *variable != '\0' ? variable : "data";
}

}  // namespace programs
