"""The affine-combining autoencoder: which few latent points explain all skeletons?

`weights` keeps a trained autoencoder (NumPy only); `layer` and `autoencoder` are Keras parts; `fit` trains.
"""

from affine_combining.weights import AcaeWeights

__all__ = ["AcaeWeights"]
