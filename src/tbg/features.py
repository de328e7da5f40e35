"""The features of this service: one line each, nothing else."""

from tbg.feature import FeatureFactory

FEATURES: tuple[FeatureFactory, ...] = ()
