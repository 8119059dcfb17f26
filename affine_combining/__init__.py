"""The affine-combining autoencoder: which few latent points explain all skeletons?"""
