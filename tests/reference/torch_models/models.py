"""Small nets of the usual shapes, named as their authors name them."""
import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5)
        self.conv2 = nn.Conv2d(4, 8, 3)
        self.fc1 = nn.Linear(8 * 3 * 3, 24)
        self.fc2 = nn.Linear(24, 5)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2, ceil_mode=True)
        x = torch.tanh(self.conv2(x))
        x = F.dropout(x.view(x.size(0), -1), 0.3, self.training)
        return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=1)


class VGG(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(True), nn.MaxPool2d(2, 2),
            nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(True), nn.MaxPool2d(2, 2))
        self.avgpool = nn.AdaptiveAvgPool2d(2)
        self.classifier = nn.Sequential(nn.Linear(32, 16), nn.ReLU(True), nn.Dropout(), nn.Linear(16, 5))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class BasicBlock(nn.Module):
    def __init__(self, maps_in, maps, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(maps_in, maps, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(maps)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(maps)
        self.downsample = None
        if stride != 1 or maps_in != maps:
            self.downsample = nn.Sequential(nn.Conv2d(maps_in, maps, 1, stride, bias=False), nn.BatchNorm2d(maps))

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    """Three groups of blocks on 3 x 32 x 32 pictures: ResNet-20 is width 16 and three blocks each."""
    def __init__(self, width=16, blocks=3, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = self.group(width, width, blocks, 1)
        self.layer2 = self.group(width, 2 * width, blocks, 2)
        self.layer3 = self.group(2 * width, 4 * width, blocks, 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(4 * width, classes)

    @staticmethod
    def group(maps_in, maps, blocks, stride):
        return nn.Sequential(BasicBlock(maps_in, maps, stride),
                             *[BasicBlock(maps, maps, 1) for _ in range(blocks - 1)])

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Bottleneck(nn.Module):
    def __init__(self, maps_in, maps, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(maps_in, maps, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, 3, stride, 1, groups=2, bias=False)
        self.bn2 = nn.BatchNorm2d(maps)
        self.conv3 = nn.Conv2d(maps, 2 * maps, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(2 * maps)
        self.downsample = nn.Sequential(nn.Conv2d(maps_in, 2 * maps, 1, stride, bias=False), nn.BatchNorm2d(2 * maps))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        return F.relu(self.bn3(self.conv3(out)) + self.downsample(x))


class Normalised(nn.Module):
    """A bottleneck behind the mean and deviation of its training data."""
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.5, 0.25, 0.125]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.25, 0.5, 0.375]).view(1, 3, 1, 1))
        self.block = Bottleneck(3, 4, 2)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(self.block((x - self.mean) / self.std).mean([2, 3]))


class WideBlock(nn.Module):
    def __init__(self, maps_in, maps, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(maps_in)
        self.conv1 = nn.Conv2d(maps_in, maps, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.same = maps_in == maps
        self.convShortcut = None if self.same else nn.Conv2d(maps_in, maps, 1, stride, bias=False)

    def forward(self, x):
        if self.same:
            out = F.relu(self.bn1(x))
        else:
            x = out = F.relu(self.bn1(x))
        out = self.conv2(F.dropout(F.relu(self.bn2(self.conv1(out))), p=0.3, training=self.training))
        return torch.add(x if self.same else self.convShortcut(x), out)


class WideResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, 1, 1, bias=False)
        self.block1 = nn.Sequential(WideBlock(4, 8, 1), WideBlock(8, 8, 1))
        self.block2 = nn.Sequential(WideBlock(8, 12, 2), WideBlock(12, 12, 1))
        self.bn1 = nn.BatchNorm2d(12)
        self.fc = nn.Linear(48, 5)

    def forward(self, x):
        x = F.relu(self.bn1(self.block2(self.block1(self.conv1(x)))))
        return self.fc(F.avg_pool2d(x, 2).view(-1, 48))


class Parametric(nn.Module):
    """Something that Perigee has no layer for."""
    def __init__(self):
        super().__init__()
        self.act = nn.PReLU()
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.act(x))


def lived(module):
    """Statistics and scales as after some training, drawn."""
    torch.manual_seed(5)
    for name, tensor in module.state_dict().items():
        if name.endswith("running_mean"):
            tensor.copy_(torch.randn(tensor.shape) / 8)
        elif name.endswith("running_var"):
            tensor.copy_(torch.rand(tensor.shape) + 0.5)
        elif name.endswith("weight") and tensor.ndim >= 2:
            tensor.copy_(torch.randn(tensor.shape) / tensor[0].numel() ** 0.5)
        elif name.endswith("weight"):
            tensor.copy_(torch.rand(tensor.shape) + 0.5)
        elif name.endswith("bias"):
            tensor.copy_(torch.randn(tensor.shape) / 4)
    return module
